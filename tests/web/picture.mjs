// Makes docs/images/approval.png, the picture in the README: one request on a phone and on a desk.
//   ASKFIRST_BIN=target/debug/askfirst node tests/web/picture.mjs
import { fileURLToPath } from "node:url";
import { deploy, start } from "./harness.mjs";

const desk = await start();
try {
  const ana = await desk.member("ana@example.com", "Ana");
  const policy = { name: "deploys", needs: [{ from: ["members"], count: 2 }], assurance: "key" };
  await desk.policy(policy);
  const key = await desk.api("POST", "/v1/keys", desk.ready.admin_key, { name: "release-ci", scopes: ["ask"], policies: ["deploys"] });
  const asked = await desk.api("POST", "/v1/approvals", key.key, { ...deploy, policy: "deploys" });
  const anas = await desk.signedIn(await desk.link(ana));
  await anas.goto(`${desk.url}/a/${asked.id}`);
  await anas.click("#approve");
  await anas.locator(".votes").waitFor();
  await anas.context().close();

  const take = async (viewport, colorScheme, deviceScaleFactor) => {
    const page = await desk.owner({ viewport, colorScheme, deviceScaleFactor });
    await page.goto(`${desk.url}/a/${asked.id}`);
    await page.locator(".banner").evaluate((banner) => banner.remove());
    const shot = await page.screenshot();
    await page.context().close();
    return shot.toString("base64");
  };
  const wide = await take({ width: 900, height: 640 }, "light", 1);
  const phone = await take({ width: 390, height: 760 }, "dark", 1);
  const page = await desk.browser.newPage({ viewport: { width: 1200, height: 800 } });
  await page.setContent(`<body style="margin:0;height:800px;background:#d9e4de;position:relative">
    <img style="position:absolute;left:40px;top:70px;border-radius:14px;box-shadow:0 12px 40px #0004" src="data:image/png;base64,${wide}">
    <img style="position:absolute;right:40px;top:30px;width:370px;border:8px solid #111;border-radius:36px;box-shadow:0 12px 40px #0006" src="data:image/png;base64,${phone}">`);
  await page.screenshot({ path: fileURLToPath(new URL("../../docs/images/approval.png", import.meta.url)) });
} finally {
  await desk.stop();
}
