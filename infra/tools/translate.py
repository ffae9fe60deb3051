"""Prints what SAM makes of a template, in which more can be checked: IAM actions, circular references."""

import sys
from pathlib import Path
from types import SimpleNamespace

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

template = yaml_parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
no_managed_policies = SimpleNamespace(load=dict)
validator = SamTemplateValidator(template, no_managed_policies, region="us-east-1")
print(validator.get_translated_template_if_valid())
