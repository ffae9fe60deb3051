"""Who may do what in the account, and what becomes of a request that is held back. Needs MINISTACK and TRANSLATED in the environment."""

import os
import tempfile
import threading
import unittest
from pathlib import Path

import botocore.session
import urllib3
from account import open_account
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

PARAMETERS = {"IdpIssuer": "https://idp.example", "IdpClientId": "latchkey", "IdpAudiences": "gateway", "GatewayName": "house"}


class AccountTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        settings = {"template": os.environ["TRANSLATED"], "parameters": PARAMETERS, "secrets": {"IdpClientSecretArn": "a secret"}}
        cls.account, cls.made = open_account(settings | {"ministack": os.environ["MINISTACK"], "log": folder / "ministack.log", "roots": None})

    def client(self, service, key):
        once = Config(retries={"total_max_attempts": 1})
        return botocore.session.Session().create_client(
            service, "us-east-1", endpoint_url=self.made["endpoint"], aws_access_key_id=key, aws_secret_access_key="none", config=once
        )

    def denied(self, call, *args, **named):
        before = len(self.account.calls)
        with self.assertRaises(ClientError) as caught:
            call(*args, **named)
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDeniedException")
        self.assertEqual([one["allowed"] for one in self.account.calls[before:]], [False])

    def test_a_function_does_what_its_role_allows_and_nothing_else(self):
        tables, function = self.made["outputs"], "AKIAAUTHORIZE"
        store = self.client("dynamodb", function)
        key = {"subject": {"S": "somebody"}, "target": {"S": "notes"}}
        self.assertNotIn("Item", store.get_item(TableName=tables["ConnectionsTable"], Key=key))
        self.denied(store.delete_item, TableName=tables["ConnectionsTable"], Key=key)
        self.denied(store.get_item, TableName=tables["PendingTable"], Key={"id": {"S": "one"}})
        secrets = self.client("secretsmanager", function)
        self.assertIn("SecretString", secrets.get_secret_value(SecretId=tables["BrowserKeysSecret"]))
        self.denied(secrets.get_secret_value, SecretId=tables["TokenKeysSecret"])
        self.denied(secrets.create_secret, Name="latchkey/latchkey/notes", SecretString="x")
        self.denied(self.client("sqs", function).send_message, QueueUrl=self.made["queues"][0]["url"], MessageBody="{}")
        self.denied(self.client("bedrock-agentcore-control", function).list_gateway_targets, gatewayIdentifier=tables["GatewayId"])

    def test_of_a_table_a_function_reaches_the_rows_that_its_role_names(self):
        table, store = self.made["outputs"]["PendingTable"], self.client("dynamodb", "AKIAINTERCEPTOR")
        store.put_item(TableName=table, Item={"id": {"S": "published.one"}})
        self.assertIn("Item", store.get_item(TableName=table, Key={"id": {"S": "published.one"}}))
        self.denied(store.get_item, TableName=table, Key={"id": {"S": "one"}})
        self.denied(store.put_item, TableName=table, Item={"id": {"S": "one"}})

    def test_a_poller_has_the_role_of_its_function_and_a_name_of_its_own(self):
        queue = next(queue for queue in self.made["queues"] if queue["function"] == "Refresh")
        sqs = self.client("sqs", queue["key"])
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=queue["url"]))
        self.assertEqual(self.account.calls[-1]["caller"], "poller of Refresh")
        self.denied(sqs.purge_queue, QueueUrl=queue["url"])

    def test_an_index_is_another_resource_than_its_table(self):
        store = self.client("dynamodb", "AKIAREFRESH")
        asked = {"TableName": self.made["outputs"]["ConnectionsTable"], "KeyConditionExpression": "due_shard = :s", "ExpressionAttributeValues": {":s": {"S": "0"}}}
        self.assertEqual(store.query(IndexName="due", **asked)["Items"], [])
        self.denied(store.query, **asked)

    def test_many_actions_at_once_are_not_taken_for_one(self):
        with self.assertRaises(ClientError):
            self.client("dynamodb", "AKIAOPERATOR").transact_get_items(TransactItems=[{"Get": {"TableName": self.made["outputs"]["TargetsTable"], "Key": {"name": {"S": "a"}}}}])
        self.assertFalse(self.account.calls[-1]["allowed"])

    def test_whom_nobody_knows_may_do_nothing(self):
        self.denied(self.client("dynamodb", "AKIASOMEBODY").list_tables)
        self.assertIn("latchkey-Targets", self.client("dynamodb", "AKIAOPERATOR").list_tables()["TableNames"])
        answer = urllib3.request("POST", self.made["endpoint"], headers={"x-amz-target": "DynamoDB_20120810.ListTables"}, body="{}")
        self.assertEqual(answer.status, 400)

    def test_a_request_that_is_held_back_is_served_or_not_and_never_answered(self):
        secrets = self.client("secretsmanager", "AKIAOPERATOR")
        for place, (when, served) in enumerate((("before", False), ("after", True))):
            self.account.side("PUT", "hold", {"caller": "operator", "call": 2, "when": when})
            secrets.list_secrets()
            self.assertIsNone(self.account.side("GET", "hold", {})["held"])
            failures = []

            def create(name=f"held-{place}", failures=failures):
                try:
                    secrets.create_secret(Name=name, SecretString="x")
                except ConnectionClosedError as error:
                    failures.append(error)

            thread = threading.Thread(target=create)
            thread.start()
            while not self.account.side("GET", "hold", {})["held"]:
                pass
            self.account.side("DELETE", "hold", {})
            thread.join()
            self.assertEqual(len(failures), 1)
            names = [one["Name"] for one in secrets.list_secrets()["SecretList"]]
            self.assertEqual(f"held-{place}" in names, served)

    def test_what_invokes_a_function_may(self):
        self.assertEqual(self.made["interceptor"], "Interceptor")
        self.assertIn({"function": "Refresh", "input": {"sweep": {}}}, self.made["schedules"])
        self.assertEqual(self.made["routes"]["GET /connections"], "ConnectionsPage")
        gateway = next(iter(self.account.plane.gateways.values()))["shown"]
        self.assertEqual(gateway["interceptorConfigurations"][0]["inputConfiguration"], {"passRequestHeaders": True})


if __name__ == "__main__":
    unittest.main()
