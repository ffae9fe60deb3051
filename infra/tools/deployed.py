"""Deploys the built functions with SAM to the emulator at AWS_ENDPOINT_URL, and asks them."""

import json
import os
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = Path(__file__).resolve().parents[2]
STACK = "latchkey"
# An alarm on an expression of metrics, which the emulator refuses. It is left out, and nothing else is.
REFUSED = "RenewalsFailAlarm"
ORIGIN = "https://latchkey.example.com"
PARAMETERS = {
    "Architecture": "x86_64",
    "BaseUrl": ORIGIN,
    "GatewayId": "mine-a1b2c3d4e5",
    # Nobody is asked: no function may speak to it.
    "IdpIssuer": "https://127.0.0.1:1",
    "IdpClientId": "browser",
    "IdpAudiences": "gateway",
}
TARGET = {
    "name": "notes",
    "title": "Our Notes",
    "endpoint": "https://notes.example/mcp",
    "resource": "https://notes.example",
    "authorization_server": {
        "issuer": "https://as.example",
        "authorization_endpoint": "https://as.example/authorize",
        "token_endpoint": "https://as.example/token",
    },
    "client": {
        "client_id": f"{ORIGIN}/client/notes",
        "token_endpoint_auth_method": "none",
        "way": "document",
        "issuer": "https://as.example",
        "redirect_uri": f"{ORIGIN}/callback/notes",
    },
    "scopes": [],
}


def accepted():
    built = Path(os.environ["BUILT"])
    template = yaml_parse((built / "template.yaml").read_text(encoding="utf-8"))
    resources = template["Resources"]
    del resources[REFUSED]
    # Where a number is wanted, CloudFormation makes one of a parameter's text; the emulator's queues do not run then.
    resources["DueMessages"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 5
    path = built / "accepted.yaml"
    path.write_text(yaml_dump(template), encoding="utf-8")
    return path


def deploy(**changes):
    overrides = [f"{name}={value}" for name, value in {**PARAMETERS, **changes}.items()]
    command = [os.environ["SAM"], "deploy", "--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    command += ["--template-file", str(accepted()), "--no-confirm-changeset", "--region", os.environ["AWS_REGION"], "--parameter-overrides", *overrides]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stdout)


def eventually(seconds, look):
    """What `look` finds, if it finds something in that time."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > until:
            return found
        time.sleep(1)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(address):
    host, port = address.split(":")
    with socket.socket() as one:
        return one.connect_ex((host, int(port))) == 0


class Deployed(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        deploy()
        stack = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        cls.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        item = {"name": {"S": "notes"}, "record": {"S": json.dumps(TARGET)}}
        boto3.client("dynamodb").put_item(TableName=cls.outputs["TargetsTable"], Item=item)

    def physical(self, name):
        found = boto3.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def ask(self, path, method="GET"):
        host = f"{self.physical('HttpApi')}.execute-api.localhost"
        request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method, headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read().decode()

    def events(self, group):
        """The JSON lines of a function's log."""
        lines = boto3.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{STACK}-{group}")["events"]
        for line in lines:
            try:
                yield json.loads(line["message"])
            except ValueError:
                pass

    def test_the_outputs_are_those_that_the_operators_command_reads(self):
        for name in (
            "BaseUrl",
            "BrowserKeysSecret",
            "CatalogQueueUrl",
            "ClientSecretPrefix",
            "ConnectionsTable",
            "DeadLettersUrl",
            "GatewayId",
            "InterceptorArn",
            "PendingTable",
            "TargetsTable",
            "TokenKeysSecret",
            "Version",
        ):
            self.assertTrue(self.outputs.get(name), name)
        self.assertEqual(self.outputs["BaseUrl"], ORIGIN)
        self.assertEqual(self.outputs["GatewayId"], PARAMETERS["GatewayId"])
        self.assertTrue(self.outputs["InterceptorArn"].endswith(":live"))

    def test_the_interceptor_answers_a_gateways_message(self):
        golden = ROOT / "functions/interceptor/tests/golden/connected"
        event = (golden / "e5-ping-passes-without-a-token.in.json").read_bytes()
        wanted = json.loads((golden / "e5-ping-passes-without-a-token.out.json").read_text(encoding="utf-8"))
        answer = boto3.client("lambda").invoke(FunctionName=self.outputs["InterceptorArn"], Payload=event)
        self.assertEqual(json.load(answer["Payload"]), wanted)

    def test_a_client_document_is_served(self):
        status, headers, body = self.ask("/client/notes")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"), body)
        document = json.loads(body)
        self.assertEqual(document["client_id"], TARGET["client"]["client_id"])
        self.assertEqual(document["redirect_uris"], [f"{ORIGIN}/callback/notes"])

    def test_a_page_is_rendered_by_each_function_that_has_pages(self):
        for path, status, words in (
            ("/authorize/nowhere", 404, "html"),
            ("/connected/notes", 200, "Our Notes"),
            ("/callback/notes?state=forged&code=forged", 400, "html"),
            # Nobody can sign in here, which is said on a page.
            ("/authorize/notes", 503, "html"),
            ("/connections", 503, "html"),
        ):
            with self.subTest(path=path):
                found, headers, body = self.ask(path)
                self.assertEqual(found, status, body)
                self.assertTrue(headers["content-type"].startswith("text/html"), headers)
                self.assertIn("default-src 'none'", headers["content-security-policy"])
                self.assertIn(words, body)

    @unittest.skipUnless(os.environ["ARM64"], "nothing could be built for arm64")
    def test_a_function_that_was_built_for_arm64_answers_as_the_others_do(self):
        function = boto3.client("lambda").get_function_configuration(FunctionName=self.physical("Authorize"))
        environment = {**os.environ, **function["Environment"]["Variables"], "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}
        emulator, runtime = (f"127.0.0.1:{free_port()}" for _ in range(2))
        command = [os.environ["RIE"], "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", emulator, "--runtime-api-address", runtime]
        command += ["qemu-aarch64-static", "-L", os.environ["ARM64_LIBRARIES"], os.environ["ARM64"]]
        event = json.loads((ROOT / "functions/authorize/tests/it/events/get.json").read_text(encoding="utf-8"))
        event |= {"routeKey": "GET /client/{target}", "rawPath": "/client/notes"}
        event["requestContext"] |= {"routeKey": "GET /client/{target}"}
        event["requestContext"]["http"]["path"] = "/client/notes"
        url = f"http://{emulator}/2015-03-31/functions/function/invocations"
        process = subprocess.Popen(command, env=environment)
        try:
            self.assertTrue(eventually(10, lambda: listens(emulator)))
            with urllib.request.urlopen(url, json.dumps(event).encode(), timeout=60) as said:
                answer = json.load(said)
        finally:
            process.terminate()
            process.wait()
        self.assertEqual((answer.get("statusCode"), answer.get("body")), (200, self.ask("/client/notes")[2]), answer)

    def test_a_path_that_is_not_ours_reaches_no_function(self):
        self.assertEqual(self.ask("/admin")[0], 404)
        self.assertEqual(self.ask("/connected/notes", "DELETE")[0], 404)

    def test_a_message_of_the_queue_is_seen_to(self):
        body = json.dumps({"subject": "A" * 43, "target": "gone"})
        boto3.client("sqs").send_message(QueueUrl=self.outputs["DueQueueUrl"], MessageBody=body)
        # Nobody has such a connection, so there is nothing to renew.
        found = eventually(60, lambda: [event for event in self.events("refresh") if event.get("Current") == 1])
        self.assertTrue(found, list(self.events("refresh")))

    def test_the_schedule_runs_the_sweep(self):
        schedule = boto3.client("scheduler")
        sweep = schedule.get_schedule(Name=self.physical("Sweep"))
        self.assertEqual(sweep["ScheduleExpression"], "rate(5 minutes)")
        self.assertTrue(sweep["Target"]["Arn"].endswith(":live"))
        # Sooner, and else as the template has it.
        kept = {name: sweep[name] for name in ("Name", "FlexibleTimeWindow", "Target")}
        schedule.update_schedule(ScheduleExpression="rate(1 minute)", **kept)
        found = eventually(120, lambda: [event for event in self.events("refresh") if event.get("outcome") == "swept"])
        self.assertTrue(found, list(self.events("refresh")))

    def test_z_a_changed_parameter_is_in_the_version_that_is_called(self):
        client = boto3.client("lambda")
        arn = self.outputs["InterceptorArn"]
        before = client.get_function_configuration(FunctionName=arn)
        deploy(IdpClients="another")
        after = client.get_function_configuration(FunctionName=arn)
        self.assertNotEqual(before["Version"], after["Version"])
        self.assertEqual(before["Environment"]["Variables"]["IDP_CLIENTS"], "")
        self.assertEqual(after["Environment"]["Variables"]["IDP_CLIENTS"], "another")


if __name__ == "__main__":
    unittest.main(verbosity=2)
