"""Once through a mail server that half of the world's mail goes through: Debian's postfix."""

import os
import sys
import tempfile
import unittest

from post import Server, certificates, decide, halves, links
from postfix import Greylist, Postfix, missing

DEV = "dev@localhost.test"
ANA = "ana@example.com"
BEN = "ben@example.com"
NOBODY = "nobody@example.com"


class ThroughPostfix(unittest.TestCase):
    def setUp(self):
        why = missing()
        if why and os.environ.get("MUST_TRY_POSTFIX"):
            self.fail(why)
        if why:
            print(f"\nNOT TRIED, as {why}: {self.id()}", file=sys.stderr)
            self.skipTest(why)
        folder = tempfile.TemporaryDirectory(prefix="askfirst-postfix-")
        self.addCleanup(folder.cleanup)
        _, authority = certificates(folder.name)
        self.greylist = Greylist({BEN})
        self.addCleanup(self.greylist.stop)
        self.postfix = Postfix(folder.name, [DEV, ANA, BEN, "askfirst@example.com"], self.greylist)
        self.addCleanup(self.postfix.stop)
        self.server = Server(SSL_CERT_FILE=authority)
        self.addCleanup(self.server.stop)
        status, self.channel = self.server.channel(self.postfix, security="starttls")
        self.assertEqual(status, 201, self.channel)

    def test_what_arrives_is_what_was_asked_and_its_link_decides(self):
        self.server.member(ANA)
        asked = self.server.ask(
            action={"title": "Löschen? 承認 🚀", "arguments": {"long": "ü" * 3000, "dots": ".\r\n..\n.", "from": "From here"}},
            reason=".\nFrom now on\n" + "a" * 2000,
        )
        mail = self.postfix.next(ANA)
        self.assertEqual(mail["Subject"], "Your answer is wanted: Löschen? 承認 🚀")
        self.assertEqual((mail["Return-Path"], mail["Delivered-To"]), ("<askfirst@example.com>", ANA))
        self.assertIn("with ESMTPS id", mail.get_all("Received")[0], "it was handed over under TLS")
        self.assertEqual(mail.defects, [])
        for part in mail.walk():
            self.assertEqual(part.defects, [])
        self.assertLessEqual(max(len(line) for line in mail.raw.split(b"\n")), 998)
        text, _ = halves(mail)
        self.assertIn("ü" * 3000, text.replace("\n", "").replace("│ ", ""))
        self.assertIn(asked["action_digest"], text)
        link = next(link for link in links(text) if link.endswith("suggest=approve"))
        _, last = decide(link, "approve")
        self.assertIn("Recorded", last)
        status, seen = self.server.call(self.server.agent, "GET", f"/v1/approvals/{asked['id']}")
        self.assertEqual(seen["status"], "approved")
        vote = seen["votes"][0]
        self.assertEqual((vote["approver"]["email"], vote["assurance"], vote["via"]), (ANA, "link", "link"))
        first, told = self.postfix.next(DEV), self.postfix.next(DEV)
        self.assertEqual(told["Subject"], "Approved: Löschen? 承認 🚀")
        self.assertEqual(told["In-Reply-To"], first["Message-ID"])

    def test_what_postfix_refuses_is_told_in_words_and_what_it_puts_off_comes_later(self):
        self.server.member(NOBODY)
        self.server.member(BEN)
        self.server.ask()
        told = lambda lines: sum(line["reason"] is not None for line in lines) == 2
        lines = {line["address"]: line for line in self.server.notices(self.channel, told)}
        dead, later = lines[NOBODY], lines[BEN]
        self.assertEqual((dead["state"], dead["attempts"]), ("dead", 1))
        self.assertIn("(550): 5.1.1", dead["reason"])
        self.assertIn("User unknown", dead["reason"])
        self.assertIn("refuses the address", dead["reason"])
        self.assertEqual((later["state"], later["attempts"]), ("waiting", 1))
        self.assertIn("does not take it for now", later["reason"])
        self.assertIn("(450): 4.7.1", later["reason"])
        self.assertIn("Greylisted", later["reason"])
        self.assertIsNotNone(later["next_attempt_at"])
        self.assertEqual(self.postfix.next(DEV)["To"], DEV, "nobody else is held up")
        self.assertEqual(self.postfix.next(BEN)["To"], BEN)
        settled = lambda lines: all(line["state"] != "waiting" for line in lines)
        lines = {line["address"]: line for line in self.server.notices(self.channel, settled)}
        self.assertEqual((lines[BEN]["state"], lines[BEN]["attempts"]), ("sent", 2))


if __name__ == "__main__":
    unittest.main()
