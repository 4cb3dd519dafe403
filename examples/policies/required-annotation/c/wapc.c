/* The policy as a waPC guest: a reactor of wasi-libc, which has to be made ready by `_initialize`. */
#include <stdlib.h>

#include "policy.h"

#define WAPC(name) __attribute__((import_module("wapc"), import_name(name)))
WAPC("__guest_request") void guest_request(char *operation, char *payload);
WAPC("__guest_response") void guest_response(const char *bytes, size_t length);
WAPC("__guest_error") void guest_error(const char *text, size_t length);

static char answer[2048];

static int fails(const char *text) {
  guest_error(text, strlen(text));
  return 0;
}

__attribute__((export_name("__guest_call"))) int guest_call(size_t operation_length, size_t payload_length) {
  char operation[64] = {0};
  if (operation_length >= sizeof operation) return fails("no handler for an operation of this length");
  char *payload = malloc(payload_length + 1);
  if (payload == NULL) return fails("no memory for the payload");
  guest_request(operation, payload);
  json in = {payload, payload + payload_length};
  int length = -1;
  if (strcmp(operation, "validate") == 0) length = answer_request(in, answer, sizeof answer);
  else if (strcmp(operation, "validate_settings") == 0) length = answer_settings(in, answer, sizeof answer);
  else if (strcmp(operation, "protocol_version") == 0) length = snprintf(answer, sizeof answer, "\"v1\"");
  else return fails("no handler is registered for this operation");
  free(payload);
  if (length < 0) return fails("the payload cannot be understood");
  guest_response(answer, length);
  return 1;
}
