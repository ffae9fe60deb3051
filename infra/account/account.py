"""An AWS account for the functions' own binaries, on one port of the loopback interface.

It takes each request to the emulator that plays the service (MiniStack, or the control plane here), if the template's
policies let the function make it that the access key belongs to; else it answers 403, as IAM would. It keeps what was
asked, and can hold a request back, so that whoever waits for it can be killed there. Nothing is verified of signatures.

Usage: account.py SETTINGS, a JSON file with `template` (translated), `parameters`, `secrets` (values of the secrets whose
ARNs are parameters), `ministack` (the program), `log`, and `roots` (a file in PEM: whom the control plane trusts).
Prints a line of JSON when it is ready; ends with its standard input.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import botocore.session
import urllib3
from calls import Unreadable, read
from control_plane import ControlPlane
from deployment import Deployment
from listing import list_tools
from model import Misfit

ACCOUNT, REGION = "000000000000", "us-east-1"
OPERATOR = "AKIAOPERATOR"


class Account:
    """Its services, and who may do what there."""

    def __init__(self, settings):
        self.emulator = start_ministack(settings["ministack"], settings["log"])
        self.pool = urllib3.PoolManager(retries=False, timeout=30)
        self.plane = ControlPlane(ACCOUNT, REGION, lambda endpoint, token: list_tools(endpoint, token, settings["roots"]), self.object)
        self.lock, self.calls, self.seen = threading.Lock(), [], Counter()
        self.hold, self.stopped, self.held, self.released = None, None, threading.Event(), threading.Event()
        self.deployment, self.ago = None, 0

    def deploy(self, endpoint, settings):
        session = botocore.session.Session()

        def client(service):
            return session.create_client(service, REGION, endpoint_url=endpoint, aws_access_key_id=OPERATOR, aws_secret_access_key="none")

        self.client = client
        parameters = settings["parameters"] | {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION}
        for name, value in settings["secrets"].items():
            parameters[name] = client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]
        self.deployment = Deployment(settings["template"], parameters, client)
        self.calls.clear()
        made = self.deployment
        return {
            "endpoint": endpoint, "account": ACCOUNT, "region": REGION, "operator": OPERATOR, "stack": made.stack.values["AWS::StackName"],
            "functions": made.functions(), "routes": made.routes(), "queues": made.queues(), "schedules": made.schedules(),
            "interceptor": made.interceptor(), "outputs": made.outputs(),
        }

    def object(self, uri):
        """What the gateway reads from S3, as its role."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not self.deployment.policies.allows("GatewayRole", "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"):
            return None
        try:
            return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except self.client("s3").exceptions.ClientError:
            return None

    def answer(self, method, target, headers, body):
        """Status, headers and body for a request; None if nobody is left to hear them."""
        try:
            call = read(ACCOUNT, self.plane.model, method, target, headers, body)
        except (Unreadable, Misfit, ValueError, KeyError) as error:
            self._keep("?", f"{method} {target} {headers.get('x-amz-target')}", [str(error)], False)
            return refusal("UnrecognizedClientException", f"{error}", 400)
        function, caller = self._caller(call.key)
        allowed = call.key == OPERATOR or bool(function) and all(
            self.deployment.policies.allows(function, call.action, resource, call.context) for resource in call.resources
        )
        place = self._keep(caller, call.action, call.resources, allowed)
        if not self._goes_on(call, caller, place, "before"):
            return None
        answer = self._served(call, method, target, headers, body) if allowed else refusal(
            "AccessDeniedException", f"{caller} is not authorized to perform {call.action} on {call.resources}", 403
        )
        return answer if self._goes_on(call, caller, place, "after") else None

    def _caller(self, key):
        """The function whose role a key is of, if it is of one, and who uses it."""
        if key == OPERATOR or self.deployment is None:
            return None, "operator" if key == OPERATOR else key
        if key in self.deployment.pollers:
            return self.deployment.pollers[key], f"poller of {self.deployment.pollers[key]}"
        return self.deployment.keys.get(key), self.deployment.keys.get(key, key)

    def _keep(self, caller, action, resources, allowed):
        with self.lock:
            self.seen[caller] += 1
            self.calls.append({"caller": caller, "action": action, "resources": resources, "allowed": allowed})
            return self.seen[caller]

    def _goes_on(self, call, caller, place, when):
        if self.hold != {"caller": caller, "call": place, "when": when}:
            return True
        self.stopped = call.action
        self.held.set()
        self.released.wait(60)
        return False

    def _served(self, call, method, target, headers, body):
        url = urlsplit(target)
        if call.service == "bedrock-agentcore":
            _, status, error, shown = self.plane.handle(method, url.path, dict(parse_qsl(url.query)), json.loads(body or b"{}"))
            return refusal(error, None, status, shown) if error else (status, {"content-type": "application/json"}, json.dumps(shown).encode())
        if call.service == "cloudformation":
            return self._stacks(dict(parse_qsl(body.decode())))
        passed = {name: value for name, value in headers.items() if name not in ("connection", "content-length")}
        answer = self.pool.request(method, self.emulator + target, headers=passed, body=body, decode_content=False)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in ("connection", "content-length", "transfer-encoding")}
        return answer.status, kept, self._aged(answer.data) if call.action == "secretsmanager:ListSecrets" else answer.data

    def _aged(self, listed):
        """The secrets, made so many seconds earlier than they were."""
        shown = json.loads(listed)
        for secret in shown.get("SecretList", []):
            secret["CreatedDate"] -= self.ago
        return json.dumps(shown).encode()

    def _stacks(self, asked):
        stack = self.deployment.stack
        name = stack.values["AWS::StackName"]
        if asked.get("Action") != "DescribeStacks" or asked.get("StackName") != name:
            text = f"<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id {escape(asked.get('StackName', ''))} does not exist</Message></Error></ErrorResponse>"
            return 400, {"content-type": "text/xml"}, text.encode()
        given = {key: str(value) for key, value in stack.values.items() if key in stack.template["Parameters"]}

        def members(kind, values):
            return "".join(f"<member><{kind}Key>{escape(key)}</{kind}Key><{kind}Value>{escape(value)}</{kind}Value></member>" for key, value in values.items())

        text = (
            '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>'
            f"<StackName>{name}</StackName><StackId>arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1</StackId>"
            f"<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>"
            f"<Parameters>{members('Parameter', given)}</Parameters><Outputs>{members('Output', self.deployment.outputs())}</Outputs>"
            "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
        return 200, {"content-type": "text/xml"}, text.encode()

    def side(self, method, path, asked):
        """The tests' own door."""
        match method, path:
            case "GET", "calls":
                with self.lock:
                    return {"calls": self.calls, "operations": self.plane.requests}
            case "PUT", "hold":
                with self.lock:
                    self.held.clear()
                    self.released.clear()
                    self.seen[asked["caller"]] = 0
                    self.hold = asked
            case "GET", "hold":
                return {"held": self.stopped if self.held.wait(0.05) else None}
            case "DELETE", "hold":
                self.hold = None
                self.released.set()
            case "GET", "gateways":
                return self.plane.inside()
            case "PUT", "ago":
                self.ago = asked["seconds"]
            case "PUT", "polls":
                self.plane.polls = asked["polls"]
            case "POST", "orders":
                self.plane.order(**asked)
            case _:
                raise KeyError(path)
        return {}


def refusal(error, message, status, body=None):
    shown = {"__type": error} | (body or {"message": message})
    return status, {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": error}, json.dumps(shown).encode()


class Door(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def serve(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        if self.path.startswith("/_account/"):
            shown = self.server.account.side(self.command, self.path.removeprefix("/_account/"), json.loads(body or b"{}"))
            answer = 200, {"content-type": "application/json"}, json.dumps(shown).encode()
        else:
            answer = self.server.account.answer(self.command, self.path, headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, *_):
        """Nothing: what was asked is kept."""


def start_ministack(program, log):
    """MiniStack, until this process ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    told = {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "GATEWAY_PORT": str(port), "AWS_ENDPOINT_URL": endpoint}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    with open(log, "ab") as file:
        process = subprocess.Popen([program], env=dict(os.environ) | told | keys, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    atexit.register(lambda: (process.terminate(), process.wait()))
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return endpoint
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"MiniStack does not start; see {log}") from None
            time.sleep(0.05)


def open_account(settings):
    """An account with the stack in it, and what the stack is made of."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    server.account = Account(settings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.account, server.account.deploy(f"http://127.0.0.1:{server.server_port}", settings)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        _, made = open_account(json.load(file))
    print(json.dumps(made), flush=True)
    sys.stdin.read()
