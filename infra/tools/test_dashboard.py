"""Whether the dashboard and the alarms look at what there is."""

import json
import os
import re
import unittest
from pathlib import Path

from resolve import Stack

SOURCES = Path(__file__).resolve().parents[2] / "functions"
NEEDED = {"IdpIssuer": "https://idp.example.com", "IdpClientId": "browser", "IdpAudiences": "gateway", "GatewayName": "tools"}
# <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html> and the pages of the other services.
METRICS = {
    "AWS/ApiGateway": {"4xx", "5xx", "Count", "Latency"},
    "AWS/Lambda": {"Duration", "Errors", "Throttles"},
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.stack = Stack.from_file(os.environ["TRANSLATED"], NEEDED)
        report = (SOURCES / "refresh/src/report.rs").read_text(encoding="utf-8")
        self.metrics = {**METRICS, "Latchkey": set(re.findall(r'\("(\w+)", "(?:Count|Seconds)"', report))}
        widgets = json.loads(self.stack.properties("Dashboard")["DashboardBody"])["widgets"]
        self.widgets = {kind: [one["properties"] for one in widgets if one["type"] == kind] for kind in ("log", "metric")}

    def assert_measured(self, namespace, metric, dimension, value):
        self.assertIn(metric, self.metrics[namespace])
        kinds = {"ApiId": "AWS::ApiGatewayV2::Api", "FunctionName": "AWS::Lambda::Function", "QueueName": "AWS::SQS::Queue"}
        names = self.stack.resources(kinds[dimension])
        known = {self.stack.attribute(one, "QueueName") if dimension == "QueueName" else self.stack.ref(one) for one in names}
        self.assertIn(value, known)

    def test_every_metric_shown_is_one_that_is_measured(self):
        for widget in self.widgets["metric"]:
            for metric in widget["metrics"]:
                self.assert_measured(*metric[:4])

    def test_every_alarm_is_on_a_metric_that_is_measured(self):
        for name in self.stack.resources("AWS::CloudWatch::Alarm"):
            said = self.stack.properties(name)
            metrics = [one["MetricStat"]["Metric"] for one in said.get("Metrics", []) if "MetricStat" in one] or [said]
            for metric in metrics:
                (dimension,) = metric["Dimensions"]
                self.assert_measured(metric["Namespace"], metric["MetricName"], dimension["Name"], dimension["Value"])

    def test_every_query_reads_a_log_of_this_stack_for_outcomes_that_are_logged(self):
        logs = {self.stack.ref(name) for name in self.stack.resources("AWS::Logs::LogGroup")}
        code = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*/src/**/*.rs"))
        outcomes = set()
        for widget in self.widgets["log"]:
            sources = set(re.findall(r"SOURCE '([^']*)'", widget["query"]))
            self.assertTrue(sources and sources <= logs, sources - logs)
            outcomes |= set(re.findall(r"outcome, '(\w+)'", widget["query"]))
            for listed in re.findall(r"outcome in \[([^]]*)\]", widget["query"]):
                outcomes |= set(re.findall(r"'(\w+)'", listed))
        self.assertGreater(len(outcomes), 3)
        for outcome in outcomes:
            self.assertIn(f'"{outcome}"', code)


if __name__ == "__main__":
    unittest.main()
