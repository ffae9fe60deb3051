"""Whether what SAM built runs on Amazon Linux 2023, and how large it is: every function, for the architecture."""

import io
import re
import sys
import zipfile
from pathlib import Path

from samcli.yamlhelper import yaml_parse

GLIBC = (2, 34)
# Little more than the largest has, in MB, so that nothing large comes in unseen.
LIMIT = 3.25
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}


def main(template, built, architecture):
    resources = yaml_parse(Path(template).read_text(encoding="utf-8"))["Resources"]
    functions = [name for name, one in resources.items() if one["Type"] == "AWS::Serverless::Function"]
    wrong = []
    for function in functions:
        bootstrap = Path(built, function, "bootstrap")
        if not bootstrap.exists():
            wrong.append(f"{function} was not built")
            continue
        binary = bootstrap.read_bytes()
        machine = int.from_bytes(binary[18:20], "little")
        needs = max(tuple(map(int, one)) for one in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", binary))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
            into.writestr("bootstrap", binary)
        size = len(archive.getvalue())
        print(f"{function}: {size / 1024:.0f} KB zipped, {len(binary) / 1024:.0f} KB, glibc {needs[0]}.{needs[1]}")
        if architecture == "x86_64" and b"MOZ\0RUST" not in binary:
            wrong.append(f"{function} dies of a panic, instead of answering with an error")
        if machine != MACHINES[architecture]:
            wrong.append(f"{function} is not for {architecture}")
        if needs > GLIBC:
            wrong.append(f"{function} needs a newer glibc than Amazon Linux 2023 has")
        if size > LIMIT * 1024 * 1024:
            wrong.append(f"{function} has more than {LIMIT} MB")
    return wrong


if __name__ == "__main__":
    sys.exit("\n".join(main(*sys.argv[1:])) or None)
