"""A postfix of our own: on loopback, on a port above 1024, in a folder that goes away."""

import os
import pwd
import shutil
import smtplib
import socketserver
import subprocess
import threading
import time
from email import message_from_bytes, policy

from post import PATIENCE, free_port

MAIN = """\
compatibility_level = 3.6
myhostname = mail.askfirst.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
alias_maps =
virtual_mailbox_domains = example.com, localhost.test
virtual_mailbox_maps = texthash:{folder}/users
virtual_mailbox_base = {folder}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, check_policy_service inet:127.0.0.1:{greylist}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/server.pem
"""

# What a mail takes from the door to a box, nothing chrooted.
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why there can be no postfix here; None if there can be."""
    if not shutil.which("postfix"):
        return "there is no postfix on this machine"
    if os.geteuid() != 0:
        return "postfix starts as root only"
    return None


class Greylist:
    """Postfix asks it about every recipient; it puts off the first try of those it is given."""

    def __init__(self, addresses):
        unseen = set(addresses)

        class Asked(socketserver.StreamRequestHandler):
            def handle(self):
                asked = {}
                for line in self.rfile:
                    name, _, value = line.decode().strip().partition("=")
                    if name:
                        asked[name] = value
                        continue
                    first = asked.get("recipient") in unseen
                    unseen.discard(asked.get("recipient"))
                    answer = "DEFER_IF_PERMIT Greylisted, come again" if first else "DUNNO"
                    self.wfile.write(f"action={answer}\n\n".encode())
                    asked = {}

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.listener = Listener(("127.0.0.1", 0), Asked)
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()


class Postfix:
    """Delivers what is for these addresses into boxes of its own, and refuses all else."""

    def __init__(self, folder, addresses, greylist):
        # Its parts run as accounts of their own.
        os.chmod(folder, 0o755)
        self.folder, self.seen, self.port = folder, set(), free_port()
        owner, taker = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        for name, account in [("spool", None), ("data", owner), ("boxes", taker)]:
            os.mkdir(self.path(name))
            if account is not None:
                os.chown(self.path(name), account.pw_uid, account.pw_gid)
        settings = dict(folder=folder, port=self.port, greylist=greylist.port, uid=taker.pw_uid, gid=taker.pw_gid)
        self.write("main.cf", MAIN.format(**settings))
        self.write("master.cf", MASTER.format(**settings))
        self.write("users", "".join(f"{address} {address}/\n" for address in addresses))
        with open(self.path("said"), "wb") as said:
            self.process = subprocess.Popen(
                ["postfix", "-c", folder, "start-fg"], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )
        self.wait_until(self.greets, "postfix does not start")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def said(self):
        """What it and its log say, for whoever looks for what went wrong."""
        texts = []
        for name in ("said", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return "\n".join(texts)

    def wait_until(self, ready, what):
        end = time.monotonic() + PATIENCE
        while not (found := ready()):
            if time.monotonic() > end or self.process.poll() is not None:
                self.stop()
                raise AssertionError(f"{what}:\n{self.said()}")
            time.sleep(0.05)
        return found

    def greets(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as door:
                return door.noop()[0] == 250
        except OSError:
            return False

    def next(self, address):
        """The next mail in somebody's box."""
        box = self.path("boxes", address, "new")

        def unread():
            files = os.listdir(box) if os.path.isdir(box) else []
            return sorted(os.path.join(box, name) for name in files if name not in self.seen)

        file = self.wait_until(unread, f"nothing comes to {address}")[0]
        self.seen.add(os.path.basename(file))
        with open(file, "rb") as found:
            raw = found.read()
        mail = message_from_bytes(raw, policy=policy.default)
        mail.raw = raw
        return mail

    def stop(self):
        """Ends it: by its own command, which knows its process, and waits for that."""
        if self.process.poll() is None:
            subprocess.run(
                ["postfix", "-c", self.folder, "stop"], timeout=PATIENCE, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            self.process.wait(PATIENCE)
