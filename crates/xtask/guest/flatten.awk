# Prints a JSON document as lines of "path<TAB>value", one for each string,
# number, boolean and null; the path's parts are joined by "/". Line breaks and
# tabs inside of strings become spaces.
{ text = text $0 "\n" }
END {
    depth = 0
    while (length(text)) {
        if (match(text, /^[ \t\r\n:]+/)) { text = substr(text, RLENGTH + 1); continue }
        head = substr(text, 1, 1)
        if (head == "{" || head == "[") {
            depth++; kind[depth] = head; part[depth] = 0; wants_key[depth] = (head == "{")
            text = substr(text, 2)
        } else if (head == "}" || head == "]") {
            depth--; text = substr(text, 2)
        } else if (head == ",") {
            if (kind[depth] == "{") wants_key[depth] = 1
            else part[depth]++
            text = substr(text, 2)
        } else if (match(text, /^"([^"\\]|\\.)*"/)) {
            value = substr(text, 2, RLENGTH - 2); text = substr(text, RLENGTH + 1)
            value = plain(value)
            if (kind[depth] == "{" && wants_key[depth]) { part[depth] = value; wants_key[depth] = 0 }
            else emit(value)
        } else if (match(text, /^[-+.0-9A-Za-z]+/)) {
            emit(substr(text, 1, RLENGTH)); text = substr(text, RLENGTH + 1)
        } else exit 1
    }
}
function emit(value,   path, i) {
    for (i = 1; i <= depth; i++) path = path (i > 1 ? "/" : "") part[i]
    print path "\t" value
}
function plain(s,   out, code, head) {
    while (match(s, /\\./)) {
        out = out substr(s, 1, RSTART - 1)
        head = substr(s, RSTART + 1, 1)
        s = substr(s, RSTART + 2)
        if (head == "u") {
            code = hex(substr(s, 1, 4)); s = substr(s, 5)
            out = out (code < 32 || code > 126 ? "?" : sprintf("%c", code))
        } else if (head ~ /[nrtbf]/) out = out " "
        else out = out head
    }
    out = out s
    gsub(/[\t\n]/, " ", out)
    sub(/ +$/, "", out)
    return out
}
function hex(digits,   i, n) {
    n = 0
    for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
    return n
}
