"""Whether a change reaches the version that callers are sent to, and whether they are sent to it."""

import os
import tomllib
import unittest
from pathlib import Path

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from resolve import Stack

NEEDED = {"IdpIssuer": "https://idp.example.com", "IdpClientId": "browser", "IdpAudiences": "gateway", "SubnetIds": "subnet-0", "SecurityGroupIds": "sg-0"}
TOKEN_VAULT = "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default"
# Another value for each parameter that reaches a function.
CHANGED = {
    "Architecture": "x86_64",
    "BaseUrl": "https://latchkey.example.com",
    "ClientCredentialsProviderArn": f"{TOKEN_VAULT}/oauth2credentialprovider/list",
    "GatewayId": "mine-a1b2c3d4e5",
    "GatewayName": "tools",
    "IdpAudiences": "another",
    "IdpClientId": "another",
    "IdpClientSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:sign-in-a1B2c3",
    "IdpClients": "another",
    "IdpIssuer": "https://another.example.com",
    "IdpSubjectClaims": "tid,oid",
    "OutboundHosts": "example.com",
    "OutboundPrivateHosts": "private.example.com",
    "PlaceholderProviderArn": f"{TOKEN_VAULT}/apikeycredentialprovider/none",
    "RefreshUsedWithinDays": "7",
    "RootsLayerArn": "arn:aws:lambda:us-east-1:123456789012:layer:roots:1",
    "SecurityGroupIds": "sg-2",
    "SubnetIds": "subnet-1",
    "Tracing": "Active",
    "TokenMemorySeconds": "0",
    "UrlElicitationClients": "*",
}
# Means nothing but that each function starts anew.
ANEW = {"Generation": "2"}
# What does not: it is about other resources.
ELSEWHERE = {
    "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
    "KeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234",
    "LogRetentionDays": "7",
    "RefreshConcurrency": "9",
}


def stack(identifiers=None, **parameters):
    return Stack.from_file(os.environ["TRANSLATED"], {**NEEDED, **parameters}, identifiers)


def functions(of):
    """What each function is and is told, but for the number that this is about."""
    told = {name: of.properties(name) for name in of.resources("AWS::Lambda::Function")}
    for one in told.values():
        del one["Environment"]["Variables"]["SETTINGS"]
    return told


def create_only(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return {one.removeprefix("/properties/") for one in schema["createOnlyProperties"]}


class Versions(unittest.TestCase):
    def test_every_parameter_is_looked_at(self):
        self.assertEqual(set(stack().template["Parameters"]), CHANGED.keys() | ANEW.keys() | ELSEWHERE.keys())

    def test_a_changed_parameter_that_reaches_a_function_changes_the_settings(self):
        before = stack()
        for name, value in CHANGED.items():
            with self.subTest(parameter=name):
                after = stack(**{name: value})
                self.assertNotEqual(functions(before), functions(after))
                self.assertNotEqual(before.properties("Settings")["Content"], after.properties("Settings")["Content"])
        self.assertNotEqual(before.properties("Settings")["Content"], stack(**ANEW).properties("Settings")["Content"])
        for name, value in ELSEWHERE.items():
            with self.subTest(parameter=name):
                after = stack(**{name: value})
                self.assertEqual(functions(before), functions(after))
                self.assertEqual(before.properties("Settings"), after.properties("Settings"))

    def test_a_resource_that_is_replaced_and_reaches_a_function_changes_the_settings(self):
        given = {"GatewayId": "mine-a1b2c3d4e5"}
        before = stack(**given)
        seen = set()
        for name in before.template["Resources"]:
            after = stack({name: {"Ref": "https://another", "Arn": "arn:another", "ApiEndpoint": "https://another"}}, **given)
            if functions(before) != functions(after) and not name.endswith(("Role", "Logs")):
                seen.add(name)
                self.assertNotEqual(before.properties("Settings")["Content"], after.properties("Settings")["Content"], name)
        self.assertGreater(seen, {"BrowserKeys", "CatalogQueue", "Connections", "HttpApi", "SchemaBucket", "Targets"})

    def test_other_settings_have_another_number(self):
        self.assertIn("Content", create_only("AWS::AppConfig::HostedConfigurationVersion"))

    def test_another_number_changes_each_function_and_publishes_a_version_of_it(self):
        numbered = stack({"Settings": {"VersionNumber": "7"}})
        self.assertIn("Description", create_only("AWS::Lambda::Version"))
        published = set()
        for name in numbered.resources("AWS::Lambda::Version"):
            version = numbered.properties(name)
            self.assertEqual(version["Description"], "settings 7")
            published.add(version["FunctionName"])
        for name in numbered.resources("AWS::Lambda::Function"):
            self.assertEqual(numbered.properties(name)["Environment"]["Variables"]["SETTINGS"], "settings 7")
            self.assertIn(numbered.ref(name), published)

    def test_the_stack_says_which_version_of_latchkey_it_is(self):
        cargo = tomllib.loads((Path(__file__).resolve().parents[2] / "Cargo.toml").read_text(encoding="utf-8"))
        self.assertEqual(stack().template["Outputs"]["Version"]["Value"], cargo["workspace"]["package"]["version"])

    def test_every_caller_calls_the_version_that_is_live(self):
        made = stack(GatewayName="tools")
        gateway = made.properties("Gateway")["InterceptorConfigurations"]
        called = {
            "gateway": [one["Interceptor"]["Lambda"]["Arn"] for one in gateway],
            "output": [made.resolve(made.template["Outputs"]["InterceptorArn"]["Value"])],
        }
        for kind, property in {
            "AWS::ApiGatewayV2::Integration": "IntegrationUri",
            "AWS::Lambda::EventSourceMapping": "FunctionName",
            "AWS::Lambda::Permission": "FunctionName",
        }.items():
            called[kind] = [made.properties(name)[property] for name in made.resources(kind)]
        called["schedule"] = [made.properties(name)["Target"]["Arn"] for name in made.resources("AWS::Scheduler::Schedule")]
        for caller, arns in called.items():
            self.assertTrue(arns, caller)
            for arn in arns:
                self.assertRegex(arn, r"^arn:aws:lambda:.*:function:[^:]+:live$", caller)
        for name in made.resources("AWS::Lambda::EventInvokeConfig"):
            self.assertEqual(made.properties(name)["Qualifier"], "live")


class Rules(unittest.TestCase):
    def test_nobody_is_admitted_by_default(self):
        self.assertEqual(stack().refusals(), [])
        self.assertEqual(stack(IdpAudiences="", IdpClients="agent").refusals(), [])
        self.assertRegex("".join(stack(IdpAudiences="").refusals()), "^Give IdpAudiences, IdpClients or both")

    def test_there_is_one_gateway_at_most(self):
        self.assertEqual(stack(GatewayName="tools").refusals(), [])
        self.assertEqual(stack(GatewayId="mine-a1b2c3d4e5").refusals(), [])
        both = stack(GatewayName="tools", GatewayId="mine-a1b2c3d4e5")
        self.assertRegex("".join(both.refusals()), "^Give GatewayName for a new gateway or GatewayId")


if __name__ == "__main__":
    unittest.main()
