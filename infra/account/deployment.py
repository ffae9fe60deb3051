"""The stack of a template in an account of emulators: what it is made of, and what its functions are told."""

import json
import secrets
import string
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from policies import Policies

GATEWAY = "AWS::BedrockAgentCore::Gateway"


class Deployment:
    """Resources made with `client(service)`, from what the translated template says of them."""

    def __init__(self, template, parameters, client):
        self.policies = Policies.from_template(template, parameters)
        self.stack = self.policies.stack
        self.identifiers = self.stack.identifiers
        self.client = client
        self.keys = {f"AKIA{function.upper()}": function for function in self.policies.functions}
        #: Lambda polls a queue as the role of the function that it polls for, which has no part in that.
        self.pollers = {f"{key}POLLER": function for key, function in self.keys.items()}
        for kind, make in (
            ("AWS::SecretsManager::Secret", self._secret),
            ("AWS::DynamoDB::Table", self._table),
            ("AWS::SQS::Queue", self._queue),
            ("AWS::S3::Bucket", self._bucket),
            (GATEWAY, self._gateway),
        ):
            for name in self._in_order(self.stack.resources(kind)):
                make(name, self.stack.properties(name))
        # The roles' policies speak of what there is now.
        self.policies = Policies(self.stack)

    def _in_order(self, names):
        """A queue that sets messages aside comes after the one that it sets them aside in."""
        return sorted(names, key=lambda name: "RedrivePolicy" in self.stack.properties(name))

    def _secret(self, name, said):
        generated = said["GenerateSecretString"]
        letters = string.ascii_letters + string.digits
        value = "".join(secrets.choice(letters) for _ in range(generated["PasswordLength"]))
        text = json.dumps(json.loads(generated["SecretStringTemplate"]) | {generated["GenerateStringKey"]: value})
        arn = self.client("secretsmanager").create_secret(Name=f"{self.stack.values['AWS::StackName']}-{name}", SecretString=text)["ARN"]
        self.identifiers[name] = {"Ref": arn, "Arn": arn}

    def _table(self, name, said):
        taken = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        self.client("dynamodb").create_table(TableName=self.stack.ref(name), **{key: said[key] for key in taken if key in said})

    def _queue(self, name, said):
        attributes = {key: said[key] for key in ("MessageRetentionPeriod", "VisibilityTimeout") if key in said}
        attributes |= {"RedrivePolicy": json.dumps(said["RedrivePolicy"])} if "RedrivePolicy" in said else {}
        url = self.client("sqs").create_queue(
            QueueName=self.stack.attribute(name, "QueueName"), Attributes={key: str(value) for key, value in attributes.items()}
        )["QueueUrl"]
        self.identifiers[name] = {"Ref": url}

    def _bucket(self, name, said):
        self.client("s3").create_bucket(Bucket=self.stack.ref(name))

    def _gateway(self, name, said):
        plane = self.client("bedrock-agentcore-control")
        made = plane.create_gateway(**_camel(said))
        # A stack is made when all that is in it is.
        while plane.get_gateway(gatewayIdentifier=made["gatewayId"])["status"] != "READY":
            pass
        self.identifiers[name] = {
            "Ref": made["gatewayArn"], "GatewayArn": made["gatewayArn"], "GatewayIdentifier": made["gatewayId"], "GatewayUrl": made["gatewayUrl"],
        }

    # -- what it is made of ----------------------------------------------------------------------------

    def outputs(self):
        said = self.stack.template["Outputs"]
        there = {name: one for name, one in said.items() if "Condition" not in one or self.stack.condition(one["Condition"])}
        return {name: str(self.stack.resolve(one["Value"])) for name, one in there.items()}

    def functions(self):
        """Each function with its binary and what Lambda gives it."""
        made = {}
        for key, name in self.keys.items():
            said = self.stack.properties(name)
            binary = self.stack.template["Resources"][name]["Metadata"]["BuildProperties"]["Binary"]
            environment = self.policies.environment(name) | {"AWS_ACCESS_KEY_ID": key}
            made[name] = {"binary": binary, "timeout": said["Timeout"], "memory": said["MemorySize"], "environment": environment}
        return made

    def routes(self):
        """Route keys of the HTTP API, and the function that each leads to."""
        made = {}
        for name in self.stack.resources("AWS::ApiGatewayV2::Route"):
            said = self.stack.properties(name)
            integration = said["Target"].partition("/")[2].rpartition("-")[2]
            made[said["RouteKey"]] = self._invoked("apigateway", self.stack.properties(integration)["IntegrationUri"])
        return made

    def queues(self):
        """What Lambda polls, and for whom."""
        mappings = map(self.stack.properties, self.stack.resources("AWS::Lambda::EventSourceMapping"))
        urls = {self.stack.attribute(name, "Arn"): self.stack.ref(name) for name in self.stack.resources("AWS::SQS::Queue")}
        made = []
        for said in mappings:
            function = self._function(said["FunctionName"])
            key = next(key for key, name in self.pollers.items() if name == function)
            made.append({"url": urls[said["EventSourceArn"]], "arn": said["EventSourceArn"], "batch": said["BatchSize"], "function": function, "key": key})
        return made

    def schedules(self):
        """What Scheduler invokes, with what, as the role that it takes."""
        made = []
        for name in self.stack.resources("AWS::Scheduler::Schedule"):
            target = self.stack.properties(name)["Target"]
            role = next(role for role in self.stack.resources("AWS::IAM::Role") if self.stack.attribute(role, "Arn") == target["RoleArn"])
            made.append({"function": self._invoked(role, target["Arn"]), "input": json.loads(target["Input"])})
        return made

    def interceptor(self):
        """The function that the gateway calls, as its role may."""
        for name in self.stack.resources(GATEWAY):
            said = self.stack.properties(name)
            role = next(role for role in self.stack.resources("AWS::IAM::Role") if self.stack.attribute(role, "Arn") == said["RoleArn"])
            return self._invoked(role, said["InterceptorConfigurations"][0]["Interceptor"]["Lambda"]["Arn"])
        return None

    def _invoked(self, invoker, arn):
        function = self._function(arn)
        if invoker == "apigateway":
            permissions = map(self.stack.properties, self.stack.resources("AWS::Lambda::Permission"))
            permitted = any(said["Principal"] == "apigateway.amazonaws.com" and self._function(said["FunctionName"]) == function for said in permissions)
        else:
            permitted = self.policies.allows(invoker, "lambda:InvokeFunction", arn)
        if not permitted:
            raise PermissionError(f"{invoker} may not invoke {arn}")
        return function

    def _function(self, named):
        """The function that an ARN, a name or an alias leads to."""
        path = named.partition(":function:")[2] or named
        return next(name for name in self.policies.functions if self.stack.ref(name) == path.partition(":")[0])


def _camel(value):
    """CloudFormation's names of properties, as the API has them."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _camel(one) for key, one in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list) else value
