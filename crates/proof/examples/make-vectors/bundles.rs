//! Bundles that do not fit their receipt, or whose signer only vouches for itself.

use askfirst_proof::Bundle;
use askfirst_proof::bundle::BundledAction;
use askfirst_proof::canonical::{action_digest, json_digest, text_digest};
use askfirst_proof::log::entry_hash;
use serde_json::{Value, json};

use crate::forge::{Result, TestKey, folder};
use crate::good;
use crate::vectors::Vector;

pub(crate) fn refused(signer: &TestKey, stranger: &TestKey) -> Result<Vec<Vector>> {
    let mut list = Vec::new();
    let mut add =
        |name: &str, why: &str, change: &mut dyn FnMut(&mut Bundle) -> Result<()>| -> Result<()> {
            let mut bundle = good::bundle(&signer.signing)?;
            change(&mut bundle)?;
            list.push(Vector::bundle(name, why, serde_json::to_value(bundle)?));
            Ok(())
        };
    let other_action = json!({"name": "deploy.production", "title": "Deploy v2.1 to production?",
        "arguments": {"version": "6.6.6", "replicas": 3}, "target": "prod-eu"});

    add("action changed", "the action no longer has its digest", &mut |it| {
        it.actions[1].action = other_action.clone();
        Ok(())
    })?;
    add("action changed with its digest", "the receipt signed for another action", &mut |it| {
        it.actions[1] =
            BundledAction { digest: action_digest(&other_action)?, action: other_action.clone() };
        Ok(())
    })?;
    add("actions swapped", "each action stands under the other's digest", &mut |it| {
        let (asked, decided) = (it.actions[0].action.clone(), it.actions[1].action.clone());
        (it.actions[0].action, it.actions[1].action) = (decided, asked);
        Ok(())
    })?;
    add("decided action missing", "the decided action must be there", &mut |it| {
        it.actions.pop();
        Ok(())
    })?;
    add("asked action missing", "the action as asked must be there", &mut |it| {
        it.actions.remove(0);
        Ok(())
    })?;
    add("action added", "an action that the receipt does not name", &mut |it| {
        it.actions.push(BundledAction {
            digest: action_digest(&other_action)?,
            action: other_action.clone(),
        });
        Ok(())
    })?;
    add("policy changed", "the document no longer has its digest", &mut |it| {
        it.policy.document["needs"][0]["count"] = json!(1);
        Ok(())
    })?;
    add("policy changed with its digest", "the receipt signed for another policy", &mut |it| {
        it.policy.document["needs"][0]["count"] = json!(1);
        it.policy.digest = json_digest(&it.policy.document)?;
        Ok(())
    })?;
    add("policy renamed", "the receipt names another policy", &mut |it| {
        it.policy.name = "strict".into();
        Ok(())
    })?;
    add("policy version changed", "the receipt names another version", &mut |it| {
        it.policy.version += 1;
        Ok(())
    })?;
    add("answer changed", "the receipt signed for another answer", &mut |it| {
        it.answer = Some(json!({"window": "10:00", "notify": ["ops"]}));
        Ok(())
    })?;
    add("answer missing", "the receipt has an answer digest", &mut |it| {
        it.answer = None;
        Ok(())
    })?;
    add("shown text changed", "the text no longer has its digest", &mut |it| {
        it.shown[0].text.push('!');
        Ok(())
    })?;
    add("shown text changed with its digest", "nobody was shown this text", &mut |it| {
        it.shown[0].text.push('!');
        it.shown[0].digest = text_digest(&it.shown[0].text);
        Ok(())
    })?;
    add("shown text missing", "a vote names a shown text", &mut |it| {
        it.shown.clear();
        Ok(())
    })?;
    add("shown text added", "no vote names the text", &mut |it| {
        let mut more = it.shown[0].clone();
        more.text = "harmless".into();
        more.digest = text_digest(&more.text);
        it.shown.push(more);
        Ok(())
    })?;
    add("audit entry changed", "the entry no longer has its hash", &mut |it| {
        it.audit.entry.actor = "member:ana".into();
        Ok(())
    })?;
    add("audit entry of another statement", "the entry records another statement", &mut |it| {
        it.audit.entry = good::audit_entry(text_digest("another"))?;
        it.audit.hash = entry_hash(&it.audit.entry)?;
        Ok(())
    })?;
    add("audit entry without a statement", "the entry does not record a statement", &mut |it| {
        it.audit.entry.detail = json!({});
        it.audit.hash = entry_hash(&it.audit.entry)?;
        Ok(())
    })?;
    add("audit entry of another approval", "the entry is about another approval", &mut |it| {
        it.audit.entry.subject = "apr_0002".into();
        it.audit.hash = entry_hash(&it.audit.entry)?;
        Ok(())
    })?;
    add("audit entry of another workspace", "the entry is from another log", &mut |it| {
        it.audit.entry.workspace = "ws_other".into();
        it.audit.hash = entry_hash(&it.audit.entry)?;
        Ok(())
    })?;
    add("audit index changed", "the index is not the entry's", &mut |it| {
        it.audit.index += 1;
        Ok(())
    })?;
    add("receipt of another approval", "the parts belong to another receipt", &mut |it| {
        it.receipt = signer.signing.sign_receipt(&good::plain()?.to_bytes()?)?;
        Ok(())
    })?;
    add("receipt tampered", "the signature does not fit", &mut |it| {
        it.receipt.insert_str(300, "AAAA");
        Ok(())
    })?;
    add("other format", "a later version may mean something else", &mut |it| {
        it.format = "askfirst-bundle/2".into();
        Ok(())
    })?;

    list.extend(erased(signer)?);
    list.extend(self_vouching(signer, stranger)?);
    Ok(list)
}

/// Bundles that claim that their texts were erased.
fn erased(signer: &TestKey) -> Result<Vec<Vector>> {
    let mut list = Vec::new();
    let mut add = |name: &str, why: &str, change: &mut dyn FnMut(&mut Bundle)| -> Result<()> {
        let mut bundle = good::erased_bundle(&signer.signing)?;
        change(&mut bundle);
        if let Some(erased) = bundle.erased.as_mut().filter(|_| !name.contains("hash")) {
            erased.hash = entry_hash(&erased.entry)?;
        }
        list.push(Vector::bundle(name, why, serde_json::to_value(bundle)?));
        Ok(())
    };
    add("erased without saying so", "parts are missing, and no entry tells why", &mut |it| {
        it.erased = None;
    })?;
    add("erased, another approval", "another one's texts were erased", &mut |it| {
        it.erased.iter_mut().for_each(|erased| erased.entry.subject = "apr_0002".into());
    })?;
    add("erased, another kind", "the entry tells of no erasure", &mut |it| {
        it.erased.iter_mut().for_each(|erased| erased.entry.kind = "approval.held".into());
    })?;
    add("erased, another hash", "the entry of the erasure was changed", &mut |it| {
        it.erased.iter_mut().for_each(|erased| erased.entry.actor = "system".into());
    })?;
    let other = json!({"name": "x", "title": "x", "arguments": null, "target": null});
    let digest = action_digest(&other)?;
    add("erased, another action", "what is there must still be named", &mut |it| {
        it.actions.push(BundledAction { digest, action: other.clone() });
    })?;
    Ok(list)
}

/// Bundles that bring the key by which they want to be believed.
fn self_vouching(signer: &TestKey, stranger: &TestKey) -> Result<Vec<Vector>> {
    let forged = serde_json::to_value(good::bundle(&stranger.signing)?)?;
    let genuine = serde_json::to_value(good::bundle(&signer.signing)?)?;

    let mut borrowed_name = forged.clone();
    borrowed_name["jwks"]["keys"][0]["kid"] = json!(signer.kid());
    let payload = good::approved()?.to_bytes()?;
    let header = crate::forge::header(signer.kid(), json!({}));
    borrowed_name["receipt"] = json!(stranger.sign(&header, &payload));

    let mut both_keys = forged.clone();
    both_keys["jwks"]["keys"] = json!([signer.signing.jwk(), stranger.signing.jwk()]);

    let mut no_keys = genuine.clone();
    no_keys["jwks"]["keys"] = json!([]);

    let mut unknown_member = genuine.clone();
    unknown_member["verified"] = json!(true);

    let mut missing_member = genuine.clone();
    missing_member.as_object_mut().ok_or("no object")?.remove("audit");

    Ok(vec![
        Vector::bundle(
            "forged with its own keys",
            "complete and consistent, and signed by a stranger",
            forged.clone(),
        ),
        Vector::bundle(
            "forged, checked by thumbprint",
            "the trusted thumbprint is not the stranger's",
            forged.clone(),
        )
        .trusting(signer.kid()),
        Vector::bundle(
            "forged under the signer's name",
            "the stranger's key claims the signer's kid",
            borrowed_name.clone(),
        ),
        Vector::bundle(
            "forged under the signer's name, checked by thumbprint",
            "a claimed kid is not a thumbprint",
            borrowed_name,
        )
        .trusting(signer.kid()),
        Vector::bundle(
            "forged with both keys",
            "the signer's key beside it does not help the stranger's",
            both_keys,
        )
        .trusting(signer.kid()),
        Vector::bundle(
            "trusted thumbprint without its key",
            "there is nothing to check the signature with",
            no_keys,
        )
        .trusting(signer.kid()),
        Vector::bundle("unknown member", "a bundle has no other members", unknown_member),
        Vector::bundle("missing member", "the audit position is part of a bundle", missing_member),
        weak_key(genuine)?,
    ])
}

/// A 1024-bit key, trusted by mistake: such a key can be factored, so its receipts prove nothing.
fn weak_key(mut bundle: Value) -> Result<Vector> {
    let fixed: Value =
        serde_json::from_str(&std::fs::read_to_string(folder().join("fixed.json"))?)?;
    let weak = &fixed["rsa1024"];
    bundle["receipt"] = weak["token"].clone();
    bundle["jwks"]["keys"] = json!([weak["jwk"]]);
    let thumbprint = weak["jwk"]["kid"].as_str().ok_or("no kid")?;
    Ok(Vector::bundle("1024-bit key", "too short, even when its thumbprint is trusted", bundle)
        .trusting(thumbprint))
}
