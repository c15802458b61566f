"""Events as AWS Lambda is given them, made of requests; and results as the gateways make responses of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from supertokens_lite._protocol.messages import BaseResponse, PlainRequest
from supertokens_lite.exceptions import ConfigurationError

__all__ = (
    "CONTEXT",
    "balancer_event",
    "http_api_event",
    "invoke",
    "rest_event",
    "send_http_api",
    "send_rest",
    "take_result",
)

Handler = Callable[[Any, Any], Any]
T = TypeVar("T")

CONTEXT = object()
"""Stands for the context: no door looks at it."""


def _split(request: PlainRequest) -> tuple[str, str]:
    parts = urlsplit(request.get_original_url())
    return parts.path or "/", parts.query


def _body(request: PlainRequest, encoded: bool) -> dict[str, Any]:
    body = request._body
    if not body:
        return {"isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode() if encoded else body.decode(), "isBase64Encoded": encoded}


def http_api_event(request: PlainRequest, stage: str = "", encoded: bool = False) -> dict[str, Any]:
    """Make an event of payload format 2.0, as HTTP APIs and function URLs send them; a named stage is in the path."""
    path, query = _split(request)
    path = f"/{stage}{path}" if stage else path
    headers = {name: value for name, value in request._headers.items() if name != "cookie"}
    cookie = request.get_header("cookie")
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example.com", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "api.example.com",
            "http": {"method": request.method(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "id",
            "routeKey": "$default",
            "stage": stage or "$default",
            "timeEpoch": 1583348638390,
        },
    }
    if cookie is not None:
        event["cookies"] = cookie.split("; ")
    if query:
        event["queryStringParameters"] = {name: ",".join(v) for name, v in parse_qs(query, True).items()}
    return json_of(event | _body(request, encoded))


def rest_event(request: PlainRequest, stage: str = "", encoded: bool = False) -> dict[str, Any]:
    """Make an event of payload format 1.0, as REST APIs send them: every key is there, and may be null.

    The stage is in the whole path, unless the API has a domain of its own.
    """
    path, query = _split(request)
    headers = {"Host": "api.example.com", "X-Forwarded-Proto": "https"}
    headers |= {name.title(): value for name, value in request._headers.items()}
    parameters = parse_qs(query, keep_blank_values=True)
    return json_of(
        {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": request.method(),
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
            "multiValueQueryStringParameters": parameters or None,
            "pathParameters": {"proxy": path.removeprefix("/")},
            "stageVariables": None,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": "api.example.com",
                "httpMethod": request.method(),
                "path": f"/{stage}{path}" if stage else path,
                "protocol": "HTTP/1.1",
                "requestId": "id",
                "resourcePath": "/{proxy+}",
                "stage": stage or "prod",
            },
            "body": None,
        }
        | _body(request, encoded)
    )


def balancer_event(request: PlainRequest, *, several: bool) -> dict[str, Any]:
    """Make an event of a load balancer, whose target group has several values for a header or not."""
    path, query = _split(request)
    headers = {"host": "api.example.com", **request._headers}
    parameters = dict(pair.split("=") for pair in query.split("&") if pair)  # still encoded
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:targetgroup/t/1"}},
        "httpMethod": request.method(),
        "path": path,
        "body": "",
        "isBase64Encoded": False,
    }
    if several:
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in parameters.items()}
    else:
        event |= {"headers": headers, "queryStringParameters": parameters}
    return json_of(event)


def json_of(value: T) -> T:
    """Give a value as it comes out of JSON, of which no part is shared."""
    same: T = json.loads(json.dumps(value))
    return same


def take_result(result: Any, version: str) -> BaseResponse:
    """Make a response of a handler's result, as the gateway does."""
    result = json_of(result)
    response = BaseResponse()
    if not isinstance(result, dict) or "statusCode" not in result:
        assert version == "2.0", "malformed Lambda proxy response"
        body = result if isinstance(result, str) else json.dumps(result)
        result = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
    assert result.keys() <= {"statusCode", "headers", "body", "isBase64Encoded"} | (
        {"cookies"} if version == "2.0" else {"multiValueHeaders"}
    )
    headers = list((result.get("headers") or {}).items())
    several = result.get("multiValueHeaders") or {}
    headers += [(name, value) for name, values in several.items() for value in values]
    headers += [("set-cookie", value) for value in result.get("cookies") or ()]
    assert all(isinstance(value, str) for _, value in headers)
    response.status = result["statusCode"]
    response.headers = list(dict.fromkeys(headers))
    body = result.get("body") or ""
    response.content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
    return response


def send_http_api(handler: Handler, request: PlainRequest) -> BaseResponse:
    """Invoke a handler as an HTTP API does; give what comes back."""
    return _without_body(request, invoke(handler, http_api_event(request)))


def send_rest(handler: Handler, request: PlainRequest) -> BaseResponse:
    """Invoke a handler as a REST API does; give what comes back."""
    return _without_body(request, invoke(handler, rest_event(request)))


def _without_body(request: PlainRequest, response: BaseResponse) -> BaseResponse:
    """Leave out the body that HEAD does not have, as gateways do."""
    if request.method() == "HEAD":
        response.content = b""
    return response


def invoke(handler: Handler, event: dict[str, Any]) -> BaseResponse:
    """Invoke a handler for an event; give what comes back."""
    try:
        return take_result(handler(event, CONTEXT), event.get("version", "1.0"))
    except ConfigurationError:
        response = BaseResponse()
        response.status = 500  # as gateways answer, give or take a number
        return response
