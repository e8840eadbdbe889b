// In your agent
const holdon = require('./holdon');

const { id } = await holdon.ask({
  action: "Send $4,200 wire to vendor",
  context: "Invoice #8821, verified by AP agent",
  notify: ["telegram"]
});

const decision = await holdon.waitFor(id);
if (decision.status === 'approved') {
  executeWire();
}
