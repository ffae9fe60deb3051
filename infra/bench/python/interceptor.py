"""The same interceptor in Python, written as the public samples of gateway interceptors are: clients at module
level, boto3, PyJWT with its key set client, one GetItem per call, the body as a dictionary."""

import base64
import hashlib
import json
import os
import time

import boto3
import jwt
import urllib3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ISSUER = os.environ["IDP_ISSUER"]
CLIENT = os.environ["IDP_CLIENTS"]
CONNECTIONS = os.environ["CONNECTIONS_TABLE"]

dynamodb = boto3.client("dynamodb")
secrets = boto3.client("secretsmanager")
http = urllib3.PoolManager()
metadata = jwt.PyJWKClient(f"{ISSUER}/jwks.json")


def length_prefixed(*fields):
    return b"".join(len(f.encode()).to_bytes(8, "big") + f.encode() for f in fields)


def read_ring():
    secret = secrets.get_secret_value(SecretId=os.environ["TOKEN_KEYS_SECRET"])["SecretString"]
    ring = {}
    for number, text in json.loads(secret).items():
        if number != "seal":
            key = HKDF(SHA256(), 32, b"latchkey", b"tokens").derive(text.encode())
            ring[int(number)] = AESGCM(key)
    return ring


def read_targets():
    pages = dynamodb.get_paginator("scan").paginate(TableName=os.environ["TARGETS_TABLE"])
    records = (json.loads(item["record"]["S"]) for page in pages for item in page["Items"])
    return {record["name"]: record for record in records}


ring = read_ring()
targets = read_targets()


def output(mcp):
    return {"interceptorOutputVersion": "1.0", "mcp": mcp}


def forward(token, body):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return output({"transformedGatewayRequest": {"headers": headers, "body": body}})


def challenge(target, body):
    link = f"{os.environ['BASE_URL']}/authorize/{target['name']}"
    text = f"{target['title']} is not connected. Show the user this link: {link}"
    result = {"content": [{"type": "text", "text": text}], "isError": True}
    answer = {"jsonrpc": "2.0", "id": body["id"], "result": result}
    return output({"transformedGatewayResponse": {"statusCode": 200, "body": answer}})


def renewed(tokens, item, target, owner):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh"],
        "client_id": target["client"]["client_id"],
        "resource": target["resource"],
    }
    endpoint = target["authorization_server"]["token_endpoint"]
    answer = http.request("POST", endpoint, fields=form, encode_multipart=False, timeout=4)
    if answer.status != 200:
        raise ConnectionError("the token endpoint refuses")
    granted = answer.json()
    tokens = tokens | {
        "access": granted["access_token"],
        "refresh": granted.get("refresh_token", tokens["refresh"]),
        "expires_at": int(time.time()) + granted["expires_in"],
    }
    number, nonce = max(ring), os.urandom(12)
    sealed = bytes([number]) + nonce + ring[number].encrypt(nonce, json.dumps(tokens).encode(), owner)
    changed = {"sealed": {"B": sealed}, "expires_at": {"N": str(tokens["expires_at"])}}
    dynamodb.put_item(TableName=CONNECTIONS, Item=item | changed)
    return tokens


def handler(event, _context):
    if response := event["mcp"].get("gatewayResponse"):
        kept = {"statusCode": response["statusCode"], "body": response["body"]}
        return output({"transformedGatewayResponse": kept})
    request = event["mcp"]["gatewayRequest"]
    body = request["body"]
    if body.get("method") != "tools/call":
        return forward(None, body)
    name, found, _ = body["params"]["name"].partition("___")
    target = targets.get(name)
    if not found or target is None:
        return forward(None, body)

    headers = {key.lower(): value for key, value in request["headers"].items()}
    token = headers["authorization"].removeprefix("Bearer ")
    key = metadata.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token, key, algorithms=["RS256"], issuer=ISSUER, options={"require": ["exp", "sub"], "verify_aud": False}
    )
    if claims["client_id"] != CLIENT:
        raise PermissionError("another client holds the token")

    digest = hashlib.sha256(length_prefixed(ISSUER, claims["sub"])).digest()
    subject = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    item = dynamodb.get_item(
        TableName=CONNECTIONS,
        Key={"subject": {"S": subject}, "target": {"S": name}},
        ConsistentRead=True,
    ).get("Item")
    if item is None or item["status"]["S"] != "active":
        return challenge(target, body)
    sealed = item["sealed"]["B"]
    issuer = target["authorization_server"]["issuer"]
    owner = length_prefixed("tokens", subject, name, target["resource"], issuer)
    tokens = json.loads(ring[sealed[0]].decrypt(sealed[1:13], sealed[13:], owner))
    if int(item["expires_at"]["N"]) <= time.time() + 60:
        tokens = renewed(tokens, item, target, owner)
    return forward(tokens["access"], body)
