// holdon.js - minimal client
const HOLDON_URL = 'https://holdon-xlqz.polsia.app/api';
const API_KEY = process.env.HOLDON_API_KEY;

async function ask({ action, context, notify, webhook_url, expires_in }) {
  const res = await fetch(HOLDON_URL + '/approvals', {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${API_KEY}`,
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({ action, context, notify, webhook_url, expires_in })
  });
  return res.json();
}

async function check(id) {
  const res = await fetch(HOLDON_URL + `/approvals/${id}`, {
    headers: { 'Authorization': `Bearer ${API_KEY}` }
  });
  return res.json();
}

async function waitFor(id, interval = 3000) {
  while (true) {
    const approval = await check(id);
    if (approval.status !== 'pending') return approval;
    await new Promise(r => setTimeout(r, interval));
  }
}

module.exports = { ask, check, waitFor };
