// A small JSON tree for policies: numbers keep their text, so a policy that changes a label never changes a number.

export const enum Kind {
  Null,
  Bool,
  Number,
  Text,
  List,
  Map,
}

export class Json {
  constructor(
    public kind: Kind,
    /** The text of a string, the source of a number, `true` or `false`. */
    public text: string = "",
    public items: Json[] = [],
    public keys: string[] = [],
  ) {}

  /** The member of a map, or null when this is no map or has no such member. */
  get(key: string): Json | null {
    if (this.kind != Kind.Map) return null;
    const index = this.keys.indexOf(key);
    return index < 0 ? null : this.items[index];
  }

  set(key: string, value: Json): void {
    const index = this.keys.indexOf(key);
    if (index >= 0) {
      this.items[index] = value;
      return;
    }
    this.keys.push(key);
    this.items.push(value);
  }

  isTrue(): bool {
    return this.kind == Kind.Bool && this.text == "true";
  }
}

export function text(value: string): Json {
  return new Json(Kind.Text, value);
}

export function flag(value: bool): Json {
  return new Json(Kind.Bool, value ? "true" : "false");
}

export function map(): Json {
  return new Json(Kind.Map);
}

export function parseJson(source: string): Json {
  const reader = new Reader(source);
  const value = reader.value();
  reader.space();
  if (!reader.atEnd()) reader.fail("end of text");
  return value;
}

export function printJson(value: Json): string {
  if (value.kind == Kind.Null) return "null";
  if (value.kind == Kind.Text) return quote(value.text);
  if (value.kind == Kind.Bool || value.kind == Kind.Number) return value.text;
  const parts: string[] = [];
  const isMap = value.kind == Kind.Map;
  for (let i = 0; i < value.items.length; i++) {
    parts.push(isMap ? quote(value.keys[i]) + ":" + printJson(value.items[i]) : printJson(value.items[i]));
  }
  return isMap ? "{" + parts.join(",") + "}" : "[" + parts.join(",") + "]";
}

function quote(value: string): string {
  let out = '"';
  let start = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0x20 && code != 0x22 && code != 0x5c) continue;
    out += value.substring(start, i);
    start = i + 1;
    if (code == 0x22) out += '\\"';
    else if (code == 0x5c) out += "\\\\";
    else if (code == 0x0a) out += "\\n";
    else out += "\\u00" + (code < 16 ? "0" : "1") + "0123456789abcdef".charAt(code & 15);
  }
  return out + value.substring(start) + '"';
}

class Reader {
  private at: i32 = 0;

  constructor(private source: string) {}

  atEnd(): bool {
    return this.at >= this.source.length;
  }

  fail(expected: string): void {
    throw new Error("invalid JSON: expected " + expected + " at " + this.at.toString());
  }

  space(): void {
    while (!this.atEnd()) {
      const code = this.code();
      if (code != 0x20 && code != 0x0a && code != 0x0d && code != 0x09) return;
      this.at++;
    }
  }

  value(): Json {
    this.space();
    const code = this.atEnd() ? 0 : this.code();
    if (code == 0x7b) return this.map();
    if (code == 0x5b) return this.list();
    if (code == 0x22) return text(this.string());
    if (this.word("true")) return flag(true);
    if (this.word("false")) return flag(false);
    if (this.word("null")) return new Json(Kind.Null);
    return this.number();
  }

  private code(): i32 {
    return this.source.charCodeAt(this.at);
  }

  private word(word: string): bool {
    if (!this.source.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private expect(sign: string): void {
    if (!this.word(sign)) this.fail("'" + sign + "'");
  }

  private number(): Json {
    const start = this.at;
    while (!this.atEnd() && "+-.eE0123456789".includes(this.source.charAt(this.at))) this.at++;
    if (start == this.at) this.fail("a value");
    return new Json(Kind.Number, this.source.substring(start, this.at));
  }

  private map(): Json {
    const out = map();
    this.expect("{");
    this.space();
    if (this.word("}")) return out;
    do {
      this.space();
      const key = this.string();
      this.space();
      this.expect(":");
      out.set(key, this.value());
      this.space();
    } while (this.word(","));
    this.expect("}");
    return out;
  }

  private list(): Json {
    const out = new Json(Kind.List);
    this.expect("[");
    this.space();
    if (this.word("]")) return out;
    do {
      out.items.push(this.value());
      this.space();
    } while (this.word(","));
    this.expect("]");
    return out;
  }

  private string(): string {
    this.expect('"');
    let out = "";
    let start = this.at;
    while (!this.atEnd()) {
      const code = this.code();
      if (code == 0x22) {
        out += this.source.substring(start, this.at++);
        return out;
      }
      this.at++;
      if (code != 0x5c) continue;
      out += this.source.substring(start, this.at - 1) + this.escape();
      start = this.at;
    }
    this.fail("'\"'");
    return out;
  }

  private escape(): string {
    const sign = this.source.charAt(this.at++);
    if (sign == "n") return "\n";
    if (sign == "t") return "\t";
    if (sign == "r") return "\r";
    if (sign == "b") return "\b";
    if (sign == "f") return "\f";
    if (sign != "u") return sign;
    const code = <i32> parseInt(this.source.substr(this.at, 4), 16);
    this.at += 4;
    return String.fromCharCode(code);
  }
}
