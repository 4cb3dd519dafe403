package policy

# Required annotation, for the execution mode `gatekeeper`: written as templates of Gatekeeper are.
violation[{"msg": msg}] {
	provided := {key | input.review.object.metadata.annotations[key]}
	missing := {input.parameters.annotation} - provided
	count(missing) > 0
	msg := sprintf("annotation missing: %v", [missing])
}
