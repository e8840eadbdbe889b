const res = await fetch("https://hitl.ambedo.dev/api/pause", {
  method: "POST",
  headers: {
    "Authorization": "Bearer hitl_your_api_key",
    "Content-Type": "application/json"
  },
  body: JSON.stringify({
    action: "Deploy to production (v2.4.1)",
    context: { environment: "prod", commit: "a3f9b2e" }
  })
});

const { watchId, statusUrl } = await res.json();

while (true) {
  const status = await fetch(statusUrl, {
    headers: { "Authorization": "Bearer hitl_your_api_key" }
  }).then(r => r.json());

  if (status.status !== "pending") {
    if (status.status === "approved") continueWithDeploy();
    else abortDeploy();
    break;
  }
  await sleep(3000);
}
