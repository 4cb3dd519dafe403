/* Required annotation: the decision itself, the same for both kinds of guest. */
#include <stdio.h>
#include <string.h>

#include "json.h"

static long annotation_of(json settings, char *out, size_t room) {
  json value;
  if (!json_member(settings, "annotation", 10, &value)) return -1;
  return json_text(value, out, room);
}

static int answer_settings(json settings, char *out, size_t room) {
  char name[512];
  long length = annotation_of(settings, name, sizeof name);
  if (length > 0) return snprintf(out, room, "{\"valid\":true}");
  return snprintf(out, room, "{\"valid\":false,\"message\":\"annotation must %s\"}", length == 0 ? "not be empty" : "be a text");
}

/* A text for JSON's quotes. */
static void escaped(const char *text, size_t length, char *out) {
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '"' || text[i] == '\\') *out++ = '\\';
    *out++ = (unsigned char)text[i] < ' ' ? ' ' : text[i];
  }
  *out = 0;
}

static int answer_request(json payload, char *out, size_t room) {
  char name[512], shown[1100];
  json settings, at;
  if (!json_member(payload, "settings", 8, &settings)) return -1;
  long length = annotation_of(settings, name, sizeof name);
  if (length < 0) return -1;
  bool found = json_member(payload, "request", 7, &at) && json_member(at, "object", 6, &at) &&
               json_member(at, "metadata", 8, &at) && json_member(at, "annotations", 11, &at) &&
               json_member(at, name, length, &at) && *at.at == '"';
  if (found) return snprintf(out, room, "{\"accepted\":true}");
  escaped(name, length, shown);
  return snprintf(out, room, "{\"accepted\":false,\"message\":\"annotation \\\"%s\\\" is missing\"}", shown);
}
