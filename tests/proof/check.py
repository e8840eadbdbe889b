"""What proof-holdings-sdk does, done with this server."""

import asyncio
import logging
import unittest

import proof_sdk
from proof_sdk import Proof, errors

from served import Server

TELEGRAM = {"type": "telegram", "config": {"chat_id": "123456789"}}
MESSAGE = "Deploy v2.1 to production?"
# It tells of every test that takes a while, which starting a server does.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class Client(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.proof = self.client(self.server.key())

    def client(self, key, **more):
        client = Proof(key, base_url=self.server.url, **more)
        self.addAsyncCleanup(client.close)
        return client

    async def config(self, **more):
        return await self.proof.hitl.create(name="Releases", channels=[TELEGRAM], **more)

    async def ask(self, **more):
        hitl = await self.config()
        return await self.proof.confirmations.create(hitl_id=hitl["id"], message=MESSAGE, **more)

    async def test_a_config_from_its_making_to_its_archive(self):
        made = await self.config(timeout_seconds=600)
        self.assertEqual((made["status"], made["timeout_seconds"], made["channels"]), ("pending", 600, [TELEGRAM]))
        self.assertEqual(await self.proof.hitl.retrieve(made["id"]), made)
        changed = await self.proof.hitl.update(made["id"], name="Deploys", timeout_seconds=60)
        self.assertEqual((changed["name"], changed["timeout_seconds"]), ("Deploys", 60))
        asked = await self.proof.hitl.request_authorization(made["id"])
        self.assertEqual([one["status"] for one in asked["authorizations"]], ["pending"])
        final = await self.proof.hitl.finalize(made["id"])
        self.assertEqual((final["status"], final["authorizations"]), ("active", asked["authorizations"]))
        self.assertEqual(await self.proof.hitl.get_approver_keys(made["id"]), {"data": []})
        listed = await self.proof.hitl.list(status="active", environment="test", limit=10, page=1)
        self.assertEqual([one["id"] for one in listed["data"]], [made["id"]])
        self.assertEqual(listed["pagination"]["total"], 1)
        self.assertEqual((await self.proof.hitl.archive(made["id"]))["status"], "archived")
        with self.assertRaises(errors.ValidationError) as refused:
            await self.proof.confirmations.create(hitl_id=made["id"], message=MESSAGE)
        self.assertEqual(refused.exception.code, "config_archived")

    async def test_a_chats_id_is_not_found_and_says_so(self):
        made = await self.proof.hitl.create_chat_id_discovery()
        self.assertEqual((made["expires_in"], made["deep_link"]), (600, None))
        first = await anext(self.proof.streams.hitl_chat_id_discovery_events(made["token"]))
        self.assertEqual(first["data"]["status"], "pending")

    async def test_the_log_of_webhooks_is_read_and_nothing_more(self):
        self.assertEqual((await self.proof.webhook_deliveries.list())["data"], [])
        self.assertEqual((await self.proof.webhook_deliveries.stats())["total"], 0)
        for call in (self.proof.webhook_deliveries.retrieve, self.proof.webhook_deliveries.retry):
            with self.assertRaises(errors.NotFoundError):
                await call("0" * 24)

    async def test_having_it_sent_again_is_for_admins(self):
        # Nobody listens there.
        hook = {"url": "http://127.0.0.1:9/", "dialect": "proof"}
        self.server.call(self.server.admin, "POST", "/v1/webhooks", hook)
        asked = await self.ask()
        self.server.decide("approve")
        [line] = (await self.proof.webhook_deliveries.list(event_type="confirmation.approved"))["data"]
        whole = await self.proof.webhook_deliveries.retrieve(line["id"])
        self.assertEqual(whole["payload"]["confirmation_id"], asked["id"])
        self.assertEqual((whole["payload"]["status"], whole["payload"]["test"]), ("approved", True))
        with self.assertRaises(errors.ForbiddenError):
            await self.proof.webhook_deliveries.retry(line["id"])

    async def test_a_keypair_is_refused_and_says_why(self):
        hitl = await self.config()
        pair = dict(public_key="-----BEGIN", encrypted_private_key="{}", kdf_salt="x")
        with self.assertRaises(errors.ValidationError) as refused:
            await self.proof.hitl_keys.upload(hitl["id"], **pair)
        self.assertEqual(refused.exception.code, "encryption_unavailable")
        for call in (self.proof.hitl_keys.get, self.proof.hitl_keys.delete):
            with self.assertRaises(errors.NotFoundError):
                await call(hitl["id"])

    async def test_a_confirmation_is_asked_and_answered(self):
        for decision, status, action in (("approve", "approved", "approve"), ("reject", "denied", "deny")):
            asked = await self.ask(proof_expiry_days=7)
            self.assertEqual((asked["status"], asked["response"]), ("pending", None))
            self.server.decide(decision, "as agreed")
            done = await self.proof.confirmations.retrieve(asked["id"])
            self.assertEqual((done["status"], done["message"]), (status, MESSAGE))
            self.assertEqual((done["response"]["action"], done["response"]["text"]), (action, "as agreed"))

    async def proven(self, decision="approve", comment="as agreed", **more):
        asked = await self.ask(**more)
        self.server.decide(decision, comment)
        return await self.proof.confirmations.retrieve(asked["id"])

    async def test_a_proof_is_verified_offline_and_says_what_was_decided(self):
        for decision, word in (("approve", "approved"), ("reject", "denied")):
            done = await self.proven(decision, proof_expiry_days=7)
            self.assertEqual(done["proof"]["token"], done["proof_token"])
            told = await self.proof.proofs.verify_offline(done["proof_token"])
            self.assertTrue(told["valid"], told)
            self.assertTrue(told["revocation_checked"])
            claims = told["payload"]
            self.assertEqual((claims["decision"], claims["sub"], claims["type"]), (word, done["id"], "confirmation"))
            self.assertEqual(claims["exp"] - claims["iat"], 7 * 86_400)
            self.assertEqual(claims["verified_at"], done["response"]["responded_at"])
        listed = await self.proof.confirmations.list()
        self.assertEqual(listed["data"][0]["proof_token"], done["proof_token"])

    async def test_a_forged_or_foreign_proof_is_none(self):
        done = await self.proven()
        head, claims, signature = done["proof_token"].split(".")
        forged = f"{head}.{claims}.{signature[:-8]}{'A' * 8}"
        approval = self.server.call(self.server.approver, "GET", "/v1/approvals?limit=1")["data"][0]["id"]
        receipt = self.server.call(self.server.approver, "GET", f"/v1/approvals/{approval}/proof?wait=5s")["token"]
        for token in (forged, receipt, "not.a.token", done["proof_token"] + "A"):
            self.assertFalse((await self.proof.proofs.verify_offline(token))["valid"], token)
            self.assertEqual(await self.proof.proofs.validate(token) | {"message": ""}, {"valid": False, "reason": "invalid", "message": ""})

    async def test_a_proof_is_validated_online_for_whom_it_is_about(self):
        done = await self.proven()
        token = done["proof_token"]
        told = await self.proof.proofs.validate(token)
        self.assertTrue(told["valid"])
        self.assertEqual((told["verification"]["id"], told["verification"]["expires_at"]), (done["id"], done["proof"]["expires_at"]))
        self.assertTrue((await self.proof.proofs.validate(token, identifier="dev@localhost.test"))["valid"])
        other = await self.proof.proofs.validate(token, identifier="eve@example.com")
        self.assertEqual((other["valid"], other["reason"]), (False, "identifier_mismatch"))

    async def test_a_revoked_proof_is_good_nowhere(self):
        kept, done = await self.proven(), await self.proven()
        self.assertEqual((await self.proof.proofs.status(done["id"]))["status"], "active")
        gone = await self.proof.proofs.revoke(done["id"], reason="fraud")
        self.assertEqual((gone["success"], gone["proof_type"], gone["reason"]), (True, "confirmation", "fraud"))
        self.assertEqual(await self.proof.proofs.revoke(gone["proof_id"], reason="other"), gone)
        status = await self.proof.proofs.status(gone["proof_id"])
        self.assertEqual((status["status"], status["is_valid"], status["revoked_reason"]), ("revoked", False, "fraud"))
        online = await self.proof.proofs.validate(done["proof_token"])
        self.assertEqual((online["valid"], online["reason"], online["revoked_reason"]), (False, "revoked", "fraud"))
        offline = await self.proof.proofs.verify_offline(done["proof_token"])
        self.assertEqual((offline["valid"], offline["reason"]), (False, "revoked"))
        self.assertTrue((await self.proof.proofs.verify_offline(kept["proof_token"]))["valid"])
        revoked = await self.proof.proofs.list_revoked()
        self.assertEqual([one["proof_id"] for one in revoked["revoked"]], [gone["proof_id"]])
        with self.assertRaises(errors.ValidationError):
            await self.proof.proofs.revoke(kept["id"], reason="because")
        stranger = self.client(self.server.key(name="stranger"))
        for call in (stranger.proofs.revoke, stranger.proofs.status):
            with self.assertRaises(errors.NotFoundError):
                await call(kept["id"])

    async def test_a_stream_ends_with_the_answer(self):
        asked = await self.ask()
        seen = []
        async for event in self.proof.streams.confirmation_events(asked["id"]):
            seen.append((event["event"], event["data"]["status"]))
            if event["event"] == "connected":
                await asyncio.to_thread(self.server.decide, "approve")
        self.assertEqual(seen, [("connected", "pending"), ("status_changed", "approved")])

    async def test_a_link_is_given_while_it_waits_and_not_after(self):
        asked = await self.ask()
        link = await self.proof.confirmations.approval_link(asked["id"])
        self.assertTrue(link["approval_url"].startswith(self.server.url), link)
        self.server.decide("reject")
        with self.assertRaises(errors.ValidationError) as refused:
            await self.proof.confirmations.approval_link(asked["id"])
        self.assertEqual(refused.exception.code, "invalid_status")

    async def test_lists_are_filtered_and_paged(self):
        made = [await self.ask() for _ in range(3)]
        self.server.decide("approve")
        listed = await self.proof.confirmations.list(limit=2, page=2)
        self.assertEqual([one["id"] for one in listed["data"]], [made[0]["id"]])
        self.assertEqual((listed["pagination"]["total"], listed["pagination"]["total_pages"]), (3, 2))
        for filters, found in (
            (dict(status="approved"), made[:1]),
            (dict(status="denied"), []),
            (dict(hitl_id=made[1]["hitl_id"]), made[1:2]),
            (dict(start_date="2020-01-01", end_date="2020-12-31"), []),
        ):
            listed = await self.proof.confirmations.list(**filters)
            self.assertEqual([one["id"] for one in listed["data"]], [one["id"] for one in found], filters)

    async def test_every_error_is_the_one_that_its_users_catch(self):
        hitl = await self.config()
        create = self.proof.confirmations.create
        with self.assertRaises(errors.ValidationError) as told:
            await create(hitl_id=hitl["id"], message="")
        self.assertEqual(told.exception.code, "validation_error")
        self.assertEqual([one["field"] for one in told.exception.details], ["message"])
        self.assertTrue(told.exception.request_id)
        with self.assertRaises(errors.NotFoundError):
            await self.proof.confirmations.retrieve("0" * 24)
        for key in ("pk_live_nothing", self.server.admin):
            with self.assertRaises(errors.AuthenticationError) as told:
                await self.client(key).confirmations.list()
            self.assertEqual(told.exception.code, "unauthorized")
        full = self.client(self.server.key(limits={"pending": 1}), max_retries=0)
        await full.confirmations.create(hitl_id=hitl["id"], message=MESSAGE)
        with self.assertRaises(errors.RateLimitError) as told:
            await full.confirmations.create(hitl_id=hitl["id"], message=MESSAGE)
        self.assertGreaterEqual(told.exception.retry_after, 1)
        self.assertEqual(told.exception.code, "rate_limited")

    async def test_a_server_that_is_gone_is_told_from_one_that_refuses(self):
        await self.config()
        self.server.process.kill()
        self.server.process.wait()
        with self.assertRaises(errors.NetworkError):
            await self.client("pk_test_x", max_retries=0).confirmations.list()

    async def test_this_is_the_client_that_is_meant(self):
        self.assertEqual(proof_sdk.version.VERSION, "1.2.0")


if __name__ == "__main__":
    unittest.main()
