package kubernetes.admission

import rego.v1

# Required annotation, for the execution mode `opa`: the settings are data, the rule makes the whole review.
main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": response,
}

default response := {"uid": "", "allowed": true}

response := {"uid": input.request.uid, "allowed": false, "status": {"message": concat(", ", deny)}} if count(deny) > 0

deny contains message if {
	not input.request.object.metadata.annotations[data.annotation]
	message := sprintf("annotation %q is missing", [data.annotation])
}
