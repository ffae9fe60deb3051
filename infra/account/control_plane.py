"""A stand-in for the control plane of Amazon Bedrock AgentCore: gateways and their targets, in memory.

What it takes and what it answers is held against the service's own model. What the model does not say (how long an
operation takes, what is refused meanwhile, what becomes of a target whose tools cannot be listed) follows the
developer guide. No other operation than those on gateways and their targets is known.
"""

import json
import random
import threading
from collections import Counter
from datetime import UTC, datetime

from listing import NotListed, read_tools
from model import Misfit, Model

BUSY = {"CREATING", "UPDATING", "DELETING", "SYNCHRONIZING"}
INLINE_LIMIT, STORED_LIMIT = 1024 * 1024, 10 * 1024 * 1024
TARGETS_LIMIT, OPERATIONS_LIMIT = 100, 5
UNSUPPORTED = "mcpToolSchema is only supported for MCP Server targets with AUTHORIZATION_CODE grant type"
UNLISTED = "Failed to connect and fetch tools from the provided MCP target server. Error - "


class Failure(Exception):
    """An error that the operation's model knows."""

    def __init__(self, error, message, **members):
        super().__init__(message)
        self.error = error
        self.body = {"message": message} | members


def invalid(message, reason="FieldValidationFailed"):
    return Failure("ValidationException", message, reason=reason)


class ControlPlane:
    """Its gateways. `list_tools(endpoint, token)` and `read_object(uri)` are what it does outside itself."""

    def __init__(self, account, region, list_tools, read_object):
        self.model = Model("bedrock-agentcore-control")
        self.arn = f"arn:aws:bedrock-agentcore:{region}:{account}:"
        self.region, self.list_tools, self.read_object = region, list_tools, read_object
        self.gateways, self.requests = {}, []
        self.lock, self.random = threading.RLock(), random.Random(0)
        self.once = {}
        #: How often one has to ask before an operation is done.
        self.polls = 2
        #: What is to go wrong: see `order`.
        self.orders = []
        #: Tokens that credential providers would get, by the provider's ARN.
        self.tokens = {}

    def order(self, operation, error=None, reasons=None, message="as ordered", times=1):
        """The next `times` of an operation fail: at once with `error`, or in the end, with `reasons`.
        The operation `static` is the creation or update of a target with tools but without provider."""
        with self.lock:
            self.orders.append({"operation": operation, "error": error, "reasons": reasons, "message": message, "left": times})

    def handle(self, method, path, query, body):
        """Answers the operation's name, a status, an error or none, and a body."""
        with self.lock:
            operation, values = self.model.operation(method, path)
            self.requests.append(operation)
            try:
                given = self._fitting(operation, values, query, body)
                self._fail(operation)
                perform = getattr(self, "_" + operation, None)
                if perform is None:
                    raise Misfit(f"{operation} is not known here")
                answer = self.model.answer(operation, self._once(operation, given, perform))
                return operation, self.model.status(operation), None, answer
            except Failure as failure:
                return operation, self.model.failure(operation, failure.error), failure.error, failure.body

    def inside(self):
        """What the gateways hold, as they themselves see it: the tools that they would list, too."""
        with self.lock:
            return {id: gateway["shown"] | {"targets": list(gateway["targets"].values())} for id, gateway in self.gateways.items()}

    def _fitting(self, operation, values, query, body):
        try:
            return self.model.request(operation, values, query, body)
        except Misfit as misfit:
            raise invalid(str(misfit)) from misfit

    def _fail(self, operation):
        for order in self.orders:
            if order["operation"] == operation and order["error"] and order["left"] > 0:
                order["left"] -= 1
                members = {"reason": "FieldValidationFailed"} if order["error"] == "ValidationException" else {}
                raise Failure(order["error"], order["message"], **members)

    def _once(self, operation, given, perform):
        """Who says the same again, with the same token, is answered what was answered then."""
        token = given.pop("clientToken", None)
        if token is None or token not in self.once:
            answer = perform(dict(given))
            if token:
                self.once[token] = operation, given, answer
            return answer
        before = self.once[token]
        if before[:2] != (operation, given):
            raise invalid("the client token was used for another request", "IdempotentParameterMismatchException")
        return before[2]

    # -- gateways -----------------------------------------------------------------------------------

    def _CreateGateway(self, given):
        if any(gateway["shown"]["name"] == given["name"] for gateway in self.gateways.values()):
            raise Failure("ConflictException", f"A gateway named {given['name']} exists")
        id = f"{given['name'].lower()}-{self._id('abcdefghijklmnopqrstuvwxyz0123456789')}"
        given.pop("tags", None)
        fixed = {"gatewayId": id, "gatewayArn": f"{self.arn}gateway/{id}", "createdAt": now(),
                 "gatewayUrl": f"https://{id}.gateway.bedrock-agentcore.{self.region}.amazonaws.com/mcp"}
        self.gateways[id] = {"fixed": fixed, "shown": {}, "left": 0, "targets": {}}
        return self._set(self.gateways[id], given, "CREATING")

    def _UpdateGateway(self, given):
        gateway = self._idle(given.pop("gatewayIdentifier"))
        if given["name"] != gateway["shown"]["name"]:
            raise invalid("a gateway's name cannot be changed")
        return self._set(gateway, given, "UPDATING")

    def _set(self, gateway, given, status):
        interceptors = given.get("interceptorConfigurations", [])
        points = Counter(point for each in interceptors for point in each["interceptionPoints"])
        if any(count > 1 for count in points.values()):
            raise invalid("a gateway has one interceptor for each interception point at most")
        if given["authorizerType"] == "CUSTOM_JWT" and "authorizerConfiguration" not in given:
            raise invalid("CUSTOM_JWT needs an authorizerConfiguration")
        # All that was there before is gone, but for what the service itself made.
        gateway["shown"] = gateway["fixed"] | given | {"updatedAt": now(), "status": status}
        gateway["left"] = self.polls
        return dict(gateway["shown"])

    def _GetGateway(self, given):
        gateway = self._gateway(given["gatewayIdentifier"])
        if gateway["shown"]["status"] in BUSY:
            gateway["left"] -= 1
            if gateway["left"] <= 0:
                gateway["shown"]["status"] = "READY"
        return dict(gateway["shown"])

    # -- targets ------------------------------------------------------------------------------------

    def _CreateGatewayTarget(self, given):
        gateway = self._idle(given.pop("gatewayIdentifier"))
        self._room(gateway)
        if len(gateway["targets"]) >= TARGETS_LIMIT:
            raise Failure("ServiceQuotaExceededException", f"A gateway has {TARGETS_LIMIT} targets at most")
        if any(target["shown"]["name"] == given.get("name") for target in gateway["targets"].values()):
            raise Failure("ConflictException", f"A target named {given['name']} exists")
        id = self._id("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        fixed = {"targetId": id, "gatewayArn": gateway["shown"]["gatewayArn"], "createdAt": now(), "name": f"target-{id.lower()}"}
        target = {"fixed": fixed, "shown": {}, "tools": None, "left": 0, "fate": None}
        answer = self._aim(target, given, "CREATING")
        gateway["targets"][id] = target
        return answer

    def _UpdateGatewayTarget(self, given):
        gateway, target = self._idle_target(given)
        self._room(gateway)
        return self._aim(target, given, "UPDATING")

    def _aim(self, target, given, status):
        configuration = given["targetConfiguration"]
        server = configuration.get("mcp", {}).get("mcpServer")
        if server is None:
            raise invalid("only MCP servers are known here")
        providers = given.get("credentialProviderConfigurations", [])
        fate = None
        if "mcpToolSchema" in server:
            if not providers:
                fate = self._fate_of_static()
            self._tools_of(server["mcpToolSchema"])
        shown = {name: value for name, value in given.items() if name not in ("gatewayIdentifier", "targetId")}
        target["shown"] = target["fixed"] | {"credentialProviderConfigurations": []} | shown
        target["shown"] |= {"updatedAt": now(), "status": status, "protocolType": "MCP"}
        target["fixed"]["name"] = target["shown"]["name"]
        target["left"], target["fate"] = self.polls, fate
        return dict(target["shown"])

    def _fate_of_static(self):
        for order in self.orders:
            if order["operation"] == "static" and order["left"] > 0:
                order["left"] -= 1
                if order["reasons"] is None:
                    raise invalid(UNSUPPORTED)
                return order["reasons"]
        return None

    def _GetGatewayTarget(self, given):
        gateway, target = self._target(given)
        if target["shown"]["status"] == "DELETING" and target["left"] <= 1:
            del gateway["targets"][given["targetId"]]
            raise Failure("ResourceNotFoundException", "The target is gone")
        self._go_on(target)
        return dict(target["shown"])

    def _ListGatewayTargets(self, given):
        gateway = self._gateway(given["gatewayIdentifier"])
        for id, target in list(gateway["targets"].items()):
            if target["shown"]["status"] == "DELETING" and target["left"] <= 1:
                del gateway["targets"][id]
            else:
                self._go_on(target)
        summary = self.model.shapes["TargetSummary"]["members"]
        items = [{name: value for name, value in target["shown"].items() if name in summary} for target in gateway["targets"].values()]
        first, size = int(given.get("nextToken", "0")), given.get("maxResults", 100)
        page = {"items": items[first:first + size]}
        return page | ({"nextToken": str(first + size)} if first + size < len(items) else {})

    def _DeleteGatewayTarget(self, given):
        gateway, target = self._idle_target(given)
        self._room(gateway)
        target["shown"]["status"], target["left"] = "DELETING", self.polls
        return {name: target["shown"][name] for name in ("gatewayArn", "targetId", "status")}

    def _go_on(self, target):
        """What the service does meanwhile: an operation is done some polls after it began."""
        status = target["shown"]["status"]
        if status not in BUSY:
            return
        target["left"] -= 1
        if target["left"] > 0 or status == "DELETING":
            return
        reasons = target["fate"] or self._list(target)
        target["shown"]["status"] = {"CREATING": "FAILED", "UPDATING": "UPDATE_UNSUCCESSFUL"}[status] if reasons else "READY"
        if reasons:
            target["shown"]["statusReasons"] = reasons

    def _list(self, target):
        """Takes the target's tools from where its configuration says; answers why it could not."""
        server = target["shown"]["targetConfiguration"]["mcp"]["mcpServer"]
        if "mcpToolSchema" in server:
            target["tools"] = self._tools_of(server["mcpToolSchema"])
            return None
        if server.get("listingMode") == "DYNAMIC":
            target["tools"] = None
            return None
        try:
            # Nobody has a token for a user here, and the interceptor is not asked.
            target["tools"] = self.list_tools(server["endpoint"], self._provided(target))
        except NotListed as error:
            return [UNLISTED + str(error)]
        target["shown"]["lastSynchronizedAt"] = now()
        return None

    def _provided(self, target):
        for each in target["shown"]["credentialProviderConfigurations"]:
            arn = each.get("credentialProvider", {}).get("oauthCredentialProvider", {}).get("providerArn")
            return self.tokens.get(arn)
        return None

    def _tools_of(self, schema):
        stored = "s3" in schema
        text = self.read_object(schema["s3"]["uri"]) if stored else schema["inlinePayload"]
        if text is None:
            raise invalid("The schema cannot be read from S3")
        if len(text.encode()) > (STORED_LIMIT if stored else INLINE_LIMIT):
            raise invalid("The schema is too large")
        try:
            return read_tools(json.loads(text))
        except (ValueError, NotListed) as error:
            raise invalid(f"The schema is no list of tools: {error}") from error

    # -- what is there ------------------------------------------------------------------------------

    def _gateway(self, id):
        if id not in self.gateways:
            raise Failure("ResourceNotFoundException", "There is no such gateway")
        return self.gateways[id]

    def _idle(self, id):
        gateway = self._gateway(id)
        if gateway["shown"]["status"] in BUSY:
            raise Failure("ConflictException", f"The gateway is {gateway['shown']['status']}")
        return gateway

    def _target(self, given):
        gateway = self._gateway(given["gatewayIdentifier"])
        if given["targetId"] not in gateway["targets"]:
            raise Failure("ResourceNotFoundException", "There is no such target")
        return gateway, gateway["targets"][given["targetId"]]

    def _idle_target(self, given):
        gateway, target = self._target(given)
        if target["shown"]["status"] in BUSY or target["shown"]["status"].endswith("_PENDING_AUTH"):
            raise Failure("ConflictException", f"The target is {target['shown']['status']}")
        return gateway, target

    def _room(self, gateway):
        if sum(target["shown"]["status"] in BUSY for target in gateway["targets"].values()) >= OPERATIONS_LIMIT:
            raise Failure("ConflictException", f"{OPERATIONS_LIMIT} operations on targets are under way")

    def _id(self, letters):
        return "".join(self.random.choices(letters, k=10))


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
