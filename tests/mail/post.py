"""A mail server on loopback that keeps what it is given, and an askfirst server that sends to it."""

import html
import http.cookiejar
import json
import logging
import os
import queue
import re
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from email import message_from_bytes, policy

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

PATIENCE = 30
# What it says of clients that hang up is what some of these tests want.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def free_port():
    """The controller tries its own port, so it must know it."""
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        return any_port.getsockname()[1]


class Box:
    """Takes mail, or refuses it as it is told to."""

    def __init__(self, tls=None, secure=None, password=None):
        self.mails = queue.Queue()
        self.refuse = {}
        self.seen_tls = []
        kept = dict(hostname="127.0.0.1", port=free_port())
        if tls is not None:
            kept.update(tls_context=tls, require_starttls=True)
        if secure is not None:
            kept.update(ssl_context=secure)
        if password is not None:
            def known(server, session, envelope, mechanism, data):
                good = isinstance(data, LoginPassword) and data.password == password.encode()
                return AuthResult(success=good, handled=False)
            kept.update(authenticator=known, auth_required=True, auth_require_tls=tls is not None)
        self.controller = Controller(self, **kept)
        self.controller.start()
        self.port = self.controller.port

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content or envelope.content, policy=policy.default)
        mail.raw = envelope.original_content or envelope.content
        mail.envelope_to = list(envelope.rcpt_tos)
        self.seen_tls.append(session.ssl is not None)
        self.mails.put(mail)
        return "250 OK"

    def next(self):
        return self.mails.get(timeout=PATIENCE)

    def several(self, count):
        """So many mails, by whom they are to."""
        mails = [self.next() for _ in range(count)]
        return {mail["To"]: mail for mail in mails}

    def stop(self):
        self.controller.stop()


def certificates(folder):
    """A certificate for this machine, and the file that names its authority. Beside that lies
    `server.pem`, the certificate with its key."""
    authority = trustme.CA()
    file = os.path.join(folder, "ca.pem")
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    certificate.private_key_and_cert_chain_pem.write_to_path(os.path.join(folder, "server.pem"))
    return context, file


class Server:
    """`askfirst dev` with its keys."""

    def __init__(self, **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="askfirst-mail-")
        listen = ["--data", os.path.join(self.folder.name, "data"), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [os.environ["ASKFIRST_BIN"], "dev", "--json", *listen],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **environment},
        )
        ready = json.loads(self.process.stdout.readline())
        self.url = ready["url"]
        self.agent, self.admin = ready["agent_key"], ready["admin_key"]

    def call(self, key, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def ask(self, **more):
        action = {"name": "deploy.production", "title": "Deploy v2.1 to production?",
                  "arguments": {"version": "2.1", "region": "eu-central-1"}, "target": "prod-eu"}
        wish = {"action": {**action, **more.pop("action", {})}, **more}
        status, asked = self.call(self.agent, "POST", "/v1/approvals", wish)
        assert status == 201, asked
        return asked

    def channel(self, box, **more):
        wish = {"kind": "email", "host": "127.0.0.1", "port": box.port, "security": "none",
                "from": "askfirst@example.com", **more}
        return self.call(self.admin, "POST", "/v1/channels", wish)

    def member(self, email, role="approver"):
        wish = {"email": email, "name": email.split("@")[0], "role": role}
        status, made = self.call(self.admin, "POST", "/v1/members", wish)
        assert status == 201, made
        return made

    def trial(self, channel):
        return self.call(self.admin, "POST", f"/v1/channels/{channel['id']}/test", {})[1]

    def notices(self, channel, ready):
        """What people were told by a channel, once it says so."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            lines = self.call(self.admin, "GET", f"/v1/channels/{channel['id']}/notices")[1]["data"]
            if ready(lines):
                return lines
            time.sleep(0.05)
        raise AssertionError(f"the log does not come to what was waited for: {lines}")

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.folder.cleanup()


def halves(mail):
    """The plain text and the HTML of a mail."""
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"], mail
    return [part.get_content() for part in parts]


def links(text):
    return re.findall(r"https?://[^\s\"<>]+", text)


def decide(link, choice):
    """What a person does who opens the link in a browser and answers on both pages."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(link))
    bare = link.split("?")[0]

    def submit(page, decision=None):
        action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page)[1])
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        fields = {name: html.unescape(value) for name, value in fields.items()}
        if decision:
            fields["decision"] = decision
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(origin + action, data, {"Origin": origin})
        return browser.open(request).read().decode()

    first = browser.open(link).read().decode()
    assert bare.startswith(origin), bare
    return first, submit(submit(first, choice))
