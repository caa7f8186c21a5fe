"""What asks halb over HTTP in a lab, from inside the network namespace of its host.

prometheus.py read URL text|openmetrics [TOKEN]   parses the page as Prometheus does: JSON
prometheus.py code METHOD URL [HEADER: VALUE]...  the status code; a certificate is not looked at
prometheus.py flood HOST PORT SLOW SECONDS        SLOW clients that never end their request, and
                                                  requests one after the other: how many were answered
"""

import http.client
import json
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def read(url, form, token=None):
    headers = {"Accept": OPENMETRICS if form == "openmetrics" else "text/plain"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        kind = answer.headers["Content-Type"]
        page = answer.read().decode()
    if kind.startswith("application/openmetrics-text"):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    else:
        from prometheus_client.parser import text_string_to_metric_families
    families = [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [[one.name, one.labels, one.value] for one in family.samples],
        }
        for family in text_string_to_metric_families(page)
    ]
    print(json.dumps({"type": kind, "families": families}))


def code(method, url, *fields):
    headers = dict(field.split(": ", 1) for field in fields)
    asked = urllib.request.Request(url, headers=headers, method=method)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(asked, timeout=20, context=trusting) as answer:
            print(answer.status)
    except urllib.error.HTTPError as error:
        print(error.code)


def flood(host, port, slow, seconds):
    clients = []
    for _ in range(int(slow)):
        client = socket.create_connection((host, int(port)), timeout=20)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
        clients.append(client)
    answered = 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("GET", "/status.json" if answered % 2 else "/metrics")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"answered {answer.status}")
        answered += 1
    print(answered)


{"read": read, "code": code, "flood": flood}[sys.argv[1]](*sys.argv[2:])
