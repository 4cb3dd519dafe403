package seen

import rego.v1

# Rejects with what it may see of the cluster as its message, as a policy of either mode.
main := {"response": {"uid": "", "allowed": false, "status": {"message": json.marshal(data.kubernetes)}}} if input.request

main := [{"msg": json.marshal(data.inventory)}] if input.review
