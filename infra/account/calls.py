"""What a request to AWS means to IAM: whose it is, which action it is, and on what."""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

#: One that does the same for many is the same permission.
SAME = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage", "ChangeMessageVisibilityBatch": "ChangeMessageVisibility"}
SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")


class Unreadable(Exception):
    """A request of which nobody knows what it asks for."""


@dataclass
class Call:
    """One request. `resources` has every ARN that it acts on, `context` the condition keys of IAM."""

    key: str
    service: str
    action: str
    resources: list
    context: dict = field(default_factory=dict)


def read(account, model, method, target, headers, body):
    """Reads one request. `model` is the control plane's; the signature itself is not verified."""
    found = SCOPE.search(headers.get("authorization", ""))
    if not found:
        raise Unreadable("the request is not signed")
    key, region, service = found.groups()
    url = urlsplit(target)
    arn = f"arn:aws:{service}:{region}:{account}:"
    if service == "bedrock-agentcore":
        operation, values = model.operation(method, url.path)
        gateway = values.get("gatewayIdentifier", "*")
        return Call(key, service, f"{service}:{operation}", [f"{arn}gateway/{gateway}"])
    if service == "s3":
        path = unquote(url.path).strip("/")
        action = {"PUT": "PutObject", "GET": "GetObject", "DELETE": "DeleteObject"}.get(method) if "/" in path else {"PUT": "CreateBucket"}.get(method)
        if not action or set(dict(parse_qsl(url.query))) - {"x-id"}:
            raise Unreadable(f"{method} {target}")
        return Call(key, service, f"s3:{action}", [f"arn:aws:s3:::{path}"])
    if service in ("cloudformation", "sts"):
        return Call(key, service, f"{service}:{dict(parse_qsl(body.decode())).get('Action')}", ["*"])
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if not action:
        raise Unreadable(f"{service} without an action")
    asked = json.loads(body)
    named = {"dynamodb": _table, "secretsmanager": _secret, "sqs": _queue}.get(service)
    if named is None:
        raise Unreadable(f"{service} is not known here")
    context = _leading(asked) if service == "dynamodb" else {}
    return Call(key, service, f"{service}:{SAME.get(action, action)}", [arn + rest for rest in named(action, asked)], context)


def _table(action, asked):
    if action in ("TransactWriteItems", "TransactGetItems", "BatchGetItem", "BatchWriteItem"):
        raise Unreadable(f"{action} is permitted by the actions in it, which are not read here")
    if action == "ListTables":
        return ["table/*"]
    index = asked.get("IndexName")
    return [f"table/{asked['TableName']}" + (f"/index/{index}" if index else "")]


def _leading(asked):
    """The row that is asked for. Only of the table whose key is `id` does a role reach some rows and not others."""
    row = (asked.get("Key") or asked.get("Item") or {}).get("id")
    return {"dynamodb:LeadingKeys": row["S"]} if row else {}


def _secret(action, asked):
    named = asked.get("SecretId") or asked.get("Name")
    if named is None:
        return ["*"]
    # The ARN of a secret ends with six characters more than its name.
    return [named.split(":", 5)[5] if named.startswith("arn:") else f"secret:{named}-a1B2c3"]


def _queue(action, asked):
    return [asked["QueueUrl"].rpartition("/")[2] if "QueueUrl" in asked else asked.get("QueueName", "*")]
