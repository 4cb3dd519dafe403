/* The policy as a WASI command: its question on standard input, its answer on standard output. */
#include <stdlib.h>

#include "policy.h"

static char answer[2048];

int main(int argc, char **argv) {
  size_t room = 65536, length = 0;
  char *text = malloc(room);
  while (text != NULL) {
    size_t got = fread(text + length, 1, room - length, stdin);
    if (got == 0) break;
    length += got;
    if (length == room) text = realloc(text, room *= 2);
  }
  if (text == NULL || argc != 2) return 2;
  json in = {text, text + length};
  int written = -1;
  if (strcmp(argv[1], "validate") == 0) written = answer_request(in, answer, sizeof answer);
  else if (strcmp(argv[1], "validate-settings") == 0) written = answer_settings(in, answer, sizeof answer);
  if (written < 0) {
    fprintf(stderr, "the question cannot be understood\n");
    return 1;
  }
  fwrite(answer, 1, written, stdout);
  return 0;
}
