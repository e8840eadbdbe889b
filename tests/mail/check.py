"""What people get by mail, read by programs that are not ours."""

import html
import re
import tempfile
import unittest
import urllib.request

from post import Box, Server, certificates, decide, halves, links

DEV = "dev@localhost.test"
ANA = "ana@example.com"


class Mail(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.box = Box()
        self.addCleanup(self.box.stop)

    def set_up_channel(self, **more):
        status, channel = self.server.channel(self.box, **more)
        self.assertEqual(status, 201, channel)
        return channel

    def test_a_question_reaches_everybody_and_the_answer_everybody_else(self):
        channel = self.set_up_channel()
        self.server.member(ANA)
        self.server.member("audit@example.com", "auditor")
        asked = self.server.ask(reason="all checks are green")
        mails = self.box.several(2)
        self.assertEqual(set(mails), {DEV, ANA})
        mail = mails[ANA]
        self.assertEqual(mail["From"], "Askfirst <askfirst@example.com>")
        self.assertEqual(mail["Subject"], "Your answer is wanted: Deploy v2.1 to production?")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail.envelope_to, [ANA])
        self.assertIsNone(mail["In-Reply-To"])
        text, page = halves(mail)
        seen = html.unescape(re.sub(r"<[^>]+>", "", page))
        for half in (text, seen):
            for leaf in ("deploy.production", "2.1", "eu-central-1", "prod-eu", "all checks are green",
                         asked["action_digest"], "NOT VERIFIED"):
                self.assertIn(leaf, half)
        for half in (text, page):
            for link in links(html.unescape(half)):
                self.assertTrue(link.startswith(self.server.url), link)
        self.assertNotRegex(page, r"(?i)<(img|link|script|iframe|object|style)|url\(|src=")
        own = {link.split("?")[0] for link in links(text) if "/d/" in link}
        other = {link.split("?")[0] for link in links(halves(mails[DEV])[0]) if "/d/" in link}
        self.assertEqual((len(own), len(other), own & other), (1, 1, set()), "each has a link of its own")

        link = next(link for link in links(text) if link.endswith("suggest=approve"))
        urllib.request.urlopen(link).read()
        urllib.request.urlopen(urllib.request.Request(link, method="HEAD")).read()
        status, seen = self.server.call(self.server.agent, "GET", f"/v1/approvals/{asked['id']}")
        self.assertEqual(seen["status"], "pending", "opening a link decides nothing")
        first, last = decide(link, "approve")
        self.assertIn("You pressed <strong>Approve</strong> on your way here", first)
        self.assertIn("Recorded", last)
        status, seen = self.server.call(self.server.agent, "GET", f"/v1/approvals/{asked['id']}")
        self.assertEqual(seen["status"], "approved")
        vote = seen["votes"][0]
        self.assertEqual((vote["approver"]["email"], vote["assurance"], vote["via"]), (ANA, "link", "link"))

        told = self.box.next()
        self.assertEqual((told["To"], told["Subject"]), (DEV, "Approved: Deploy v2.1 to production?"))
        self.assertEqual(told["In-Reply-To"], mails[DEV]["Message-ID"])
        self.assertEqual(told["References"], mails[DEV]["Message-ID"])
        self.assertIn(ANA, halves(told)[0])
        lines = self.server.notices(channel, lambda lines: all(l["state"] == "sent" for l in lines))
        self.assertEqual([(l["about"], l["address"]) for l in lines],
                         [("ended", DEV), ("asked", lines[1]["address"]), ("asked", lines[2]["address"])])
        self.assertTrue(self.box.mails.empty(), "who decided it knows, and nobody is told twice")

    def test_what_an_agent_writes_is_text_and_no_header_and_no_markup(self):
        self.set_up_channel()
        title = "Pay?\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script> \u202egnp.exe"
        self.server.ask(action={"title": title, "arguments": {"<b>": "</div><a href=\"https://evil.example\">x</a>"}})
        mail = self.box.next()
        self.assertIsNone(mail["Bcc"])
        self.assertEqual(len(mail.get_all("Subject")), 1)
        self.assertNotIn("\u202e", mail["Subject"])
        self.assertIn("<U+202E>", mail["Subject"])
        text, page = halves(mail)
        self.assertNotIn("\u202e", text + page)
        self.assertNotIn("<script", page)
        hrefs = re.findall(r'href="([^"]+)"', page)
        self.assertTrue(hrefs and all(href.startswith(self.server.url) for href in hrefs), hrefs)

    def test_what_does_not_fit_has_no_button_to_approve(self):
        self.set_up_channel()
        self.server.ask(action={"arguments": {"rows": ["x" * 80] * 400, "last": "and delete everything"}})
        mail = self.box.next()
        text, page = halves(mail)
        self.assertLess(len(mail.raw), 102_000)
        self.assertNotIn("suggest=", text + page)
        self.assertNotIn("Approve", page)
        self.assertIn("characters are missing", text)
        self.assertTrue(any("/d/" in link for link in links(text)), "all of it is behind the link")

    def test_who_is_refused_is_named_and_nobody_else_is_affected(self):
        channel = self.set_up_channel()
        self.server.member(ANA)
        self.server.member("bob@example.com")
        self.box.refuse = {ANA: "550 5.1.1 no such user\r\n here", "bob@example.com": "451 4.7.1 come back later"}
        self.server.ask()
        self.assertEqual(self.box.next()["To"], DEV)
        settled = lambda lines: all(line["attempts"] == 1 for line in lines) and sum(
            line["reason"] is not None for line in lines) == 2
        lines = {line["address"]: line for line in self.server.notices(channel, settled)}
        dead, later = lines[ANA], lines["bob@example.com"]
        self.assertEqual(dead["state"], "dead")
        self.assertIn("550", dead["reason"])
        self.assertNotIn("\n", dead["reason"])
        self.assertEqual(later["state"], "waiting")
        self.assertIn("for now", later["reason"])
        self.assertIsNotNone(later["next_attempt_at"])

    def test_mail_comes_in_german(self):
        channel = self.set_up_channel(locale="de")
        self.assertEqual(self.server.trial(channel), {"sent": True, "to": DEV, "error": None})
        self.assertTrue(self.box.next()["Subject"].startswith("So kommt Mail aus"))
        asked = self.server.ask(action={"title": "Löschen?"})
        mail = self.box.next()
        self.assertEqual(mail["Subject"], "Deine Antwort ist gefragt: Löschen?")
        self.assertIn("Freigeben…", halves(mail)[0])
        self.server.call(self.server.agent, "POST", f"/v1/approvals/{asked['id']}/cancel", {})
        self.assertEqual(self.box.next()["Subject"], "Zurückgezogen: Löschen?")

    def test_a_policy_that_wants_more_than_a_link_gets_none(self):
        self.set_up_channel()
        policy = {"name": "strict", "needs": [{"from": ["members"]}], "assurance": "session"}
        self.assertEqual(self.server.call(self.server.admin, "POST", "/v1/policies", policy)[0], 201)
        key = {"name": "a", "scopes": ["ask"], "policies": ["strict"]}
        key = self.server.call(self.server.admin, "POST", "/v1/keys", key)[1]["key"]
        wish = {"action": {"name": "a", "title": "A?"}, "policy": "strict"}
        asked = self.server.call(key, "POST", "/v1/approvals", wish)[1]
        text = halves(self.box.next())[0]
        self.assertNotIn("/d/", text)
        self.assertIn(f"{self.server.url}/a/{asked['id']}", text)

    def test_what_cannot_be_a_channel_is_refused_with_what_to_do(self):
        for more, pointer in [
            ({"host": "smtp.example.com", "security": "tls", "port": 465}, "/host"),
            ({"host": "10.0.0.1", "port": 25}, "/host"),
            ({"host": "127.0.0.1:25"}, "/host"),
            ({"host": "user@127.0.0.1"}, "/host"),
            ({"from": "no address"}, "/from"),
            ({"from": "a@example.com\r\nBcc: b@example.com"}, "/from"),
            ({"username": "u"}, "/password"),
            ({"password": "p"}, "/username"),
            ({"port": 0}, "/port"),
        ]:
            status, told = self.server.channel(self.box, **more)
            self.assertIn(status, (400, 422), (more, told))
            self.assertEqual([e["pointer"] for e in told["errors"]], [pointer], (more, told))
        self.set_up_channel()
        status, told = self.server.channel(self.box)
        self.assertIn("already", str(told))
        gone = Box()
        gone.stop()
        server = Server()
        self.addCleanup(server.stop)
        channel = server.channel(gone)[1]
        trial = server.trial(channel)
        self.assertFalse(trial["sent"])
        self.assertIn("cannot be connected to", trial["error"])
        again = server.call(server.admin, "GET", f"/v1/channels/{channel['id']}")[1]
        self.assertEqual(again["last_error"], trial["error"])


class Secured(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.context, self.authority = certificates(folder.name)

    def server(self, **environment):
        server = Server(**environment)
        self.addCleanup(server.stop)
        return server

    def box(self, **more):
        box = Box(**more)
        self.addCleanup(box.stop)
        return box

    def trial(self, box, security, trusted=True, **more):
        server = self.server(**({"SSL_CERT_FILE": self.authority} if trusted else {}))
        status, channel = server.channel(box, security=security, **more)
        self.assertEqual(status, 201, channel)
        return server.trial(channel)

    def test_under_tls_in_both_ways_with_name_and_password(self):
        known = {"username": "askfirst", "password": "correct horse"}
        box = self.box(tls=self.context, password="correct horse")
        self.assertEqual(self.trial(box, "starttls", **known)["error"], None)
        self.assertTrue(box.next() and box.seen_tls == [True])
        box = self.box(secure=self.context)
        self.assertEqual(self.trial(box, "tls")["error"], None)
        self.assertTrue(box.next())

    def test_a_wrong_password_is_told_as_such(self):
        box = self.box(tls=self.context, password="correct horse")
        told = self.trial(box, "starttls", username="askfirst", password="wrong")
        self.assertIn("does not take this name and password", told["error"])
        self.assertNotIn("wrong", told["error"])

    def test_an_authority_that_nobody_knows_gets_nothing(self):
        for security, box in [("starttls", self.box(tls=self.context)), ("tls", self.box(secure=self.context))]:
            told = self.trial(box, security, trusted=False)
            self.assertIn("no authority that is known here", told["error"], security)
            self.assertIn("ca_file", told["error"])
            self.assertTrue(box.mails.empty())

    def test_a_server_without_tls_gets_nothing(self):
        box = self.box()
        for security, word in [("starttls", "offers no TLS"), ("tls", "TLS")]:
            told = self.trial(box, security)
            self.assertIn(word, told["error"])
            self.assertTrue(box.mails.empty())


if __name__ == "__main__":
    unittest.main()
