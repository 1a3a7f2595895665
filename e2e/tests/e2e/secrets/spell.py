# Writes a text in the spellings that no template has, one a line between marks, to a file and to standard output.
import base64
import json
import shlex
import sys
import urllib.parse

file, names = sys.argv[1], ["quoted", "percent", "plus", "hex", "wrapped", "url-safe", "lower percent", "escaped", "basic", "twice", "sliced"]
lines = []
for text in json.loads(sys.argv[2]):
    octets = text.encode()
    percent = urllib.parse.quote(text, safe="")
    spelled = [
        shlex.quote(text), percent, urllib.parse.quote_plus(text), octets.hex(), base64.encodebytes(octets).decode(),
        base64.urlsafe_b64encode(octets).decode(), "".join(part.lower() if at % 2 else part for at, part in enumerate(percent)),
        json.dumps(json.dumps(text)), base64.b64encode(octets + b"\n").decode(), base64.b64encode(base64.b64encode(octets)).decode(), text[3:15],
    ]
    lines += ["%s=«%s»" % pair for pair in zip(names, spelled)]
open(file, "w", encoding="utf-8").write("\n".join(lines) + "\n")
print("\n".join(lines))
print("\n".join(lines), file=sys.stderr)
