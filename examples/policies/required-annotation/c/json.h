/* As much JSON as the policy needs: finding a member of an object and reading a text. Nothing is allocated. */
#include <stdbool.h>
#include <stddef.h>

typedef struct {
  const char *at, *end;
} json;

static json json_space(json in) {
  while (in.at < in.end && (*in.at == ' ' || *in.at == '\t' || *in.at == '\n' || *in.at == '\r')) in.at++;
  return in;
}

/* Behind a value; at the end of the text for what is none. */
static json json_skip(json in) {
  in = json_space(in);
  int depth = 0;
  while (in.at < in.end) {
    char c = *in.at++;
    if (c == '"') {
      while (in.at < in.end && *in.at != '"') in.at += *in.at == '\\' ? 2 : 1;
      if (in.at < in.end) in.at++;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      depth--;
    } else {
      while (in.at < in.end && *in.at != ',' && *in.at != ':' && *in.at != '}' && *in.at != ']' && *in.at != '"') in.at++;
    }
    if (depth <= 0) return in;
    in = json_space(in);
    while (in.at < in.end && (*in.at == ',' || *in.at == ':')) in.at++;
    in = json_space(in);
  }
  in.at = in.end;
  return in;
}

static unsigned json_hex(const char *at) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    value = value * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return value;
}

static size_t json_utf8(unsigned code, char *out) {
  if (code < 0x80) return out[0] = code, 1;
  if (code < 0x800) return out[0] = 0xc0 | code >> 6, out[1] = 0x80 | (code & 63), 2;
  if (code < 0x10000) return out[0] = 0xe0 | code >> 12, out[1] = 0x80 | (code >> 6 & 63), out[2] = 0x80 | (code & 63), 3;
  out[0] = 0xf0 | code >> 18, out[1] = 0x80 | (code >> 12 & 63), out[2] = 0x80 | (code >> 6 & 63), out[3] = 0x80 | (code & 63);
  return 4;
}

/* The bytes of a text, its escapes undone; -1 for what is no text, or one that does not fit. */
static long json_text(json in, char *out, size_t room) {
  in = json_space(in);
  if (in.at >= in.end || *in.at++ != '"') return -1;
  size_t length = 0;
  while (in.at < in.end && *in.at != '"') {
    if (length + 4 > room) return -1;
    if (*in.at != '\\') {
      out[length++] = *in.at++;
      continue;
    }
    if (++in.at >= in.end) return -1;
    char c = *in.at++;
    if (c != 'u') {
      out[length++] = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
      continue;
    }
    if (in.end - in.at < 4) return -1;
    unsigned code = json_hex(in.at);
    in.at += 4;
    if (code >= 0xd800 && code < 0xdc00 && in.end - in.at >= 6 && in.at[0] == '\\' && in.at[1] == 'u') {
      code = 0x10000 + ((code - 0xd800) << 10) + (json_hex(in.at + 2) - 0xdc00);
      in.at += 6;
    }
    length += json_utf8(code, out + length);
  }
  return in.at < in.end ? (long)length : -1;
}

/* Where the value of a member stands; false if this is no object or has no such member. */
static bool json_member(json in, const char *name, size_t name_length, json *value) {
  char key[1024];
  in = json_space(in);
  if (in.at >= in.end || *in.at++ != '{') return false;
  for (;;) {
    in = json_space(in);
    if (in.at >= in.end || *in.at == '}') return false;
    long length = json_text(in, key, sizeof key);
    in = json_space(json_skip(in));
    if (in.at >= in.end || *in.at++ != ':') return false;
    *value = json_space(in);
    if (length == (long)name_length && __builtin_memcmp(key, name, name_length) == 0) return true;
    in = json_space(json_skip(in));
    if (in.at >= in.end || *in.at++ != ',') return false;
  }
}
