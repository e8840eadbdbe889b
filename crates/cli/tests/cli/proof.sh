curl -X POST https://api.proof.holdings/api/v1/confirmations \
-H "Authorization: Bearer pk_live_YOUR_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"hitl_id": "YOUR_HITL_CONFIG_ID",
"message": "Deploy v2.1 to production?",
"timeout": 3600
}'
# Poll for approval status
curl https://api.proof.holdings/api/v1/confirmations/CONFIRMATION_ID \
-H "Authorization: Bearer pk_live_YOUR_API_KEY"
