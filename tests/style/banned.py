#!/usr/bin/python3
"""Calls and constructs that the library does without, each with the reason."""
import re
import sys

import sources

EVERYWHERE = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|stpcpy)\s*\(": "writes without a bound",
    r"\b(atoi|atol|atoll|atof)\s*\(": "cannot say that it failed",
    r"\balloca\s*\(": "no bound on the stack",
    r"\b(rand|srand|random|drand48)\s*\(\s*\)": "secrets are drawn by getrandom",
    r"\bgoto\b": "a function that leaves early needs none",
    r"#\s*pragma\s+(GCC|clang)\s+diagnostic": "warnings are mended, not switched off",
}
LIBRARY = {
    r"\b(printf|puts|putchar|fprintf|perror|vprintf|vfprintf)\s*\(":
        "a library does not print: env_log, env_emit",
    r"\b(getenv|secure_getenv|setenv|putenv)\s*\(": "a library reads no environment",
    r"\b(abort|exit|_exit|quick_exit|assert|raise|signal|sigaction)\s*\(":
        "a library does not end its host, and leaves its signals alone",
    r"\b(pthread_create|thrd_create|fork|vfork|system|popen)\s*\(": "a library makes no thread",
    r"__attribute__\s*\(\(\s*(constructor|destructor)": "nothing runs at load",
    r"\b(_Thread_local|__thread)\b": "no state of a thread",
    r"\b(setlocale|newlocale|uselocale|localeconv|toupper|tolower|isalpha|isalnum|isdigit|isspace"
    r"|isprint|isupper|islower|strcasecmp|strncasecmp|strcoll|strftime|strtod|strerror)\s*\(":
        "depends on the host's locale",
    r"\b(localtime|gmtime|ctime|asctime|strtok|readdir_r|getpwnam|inet_ntoa)\s*\(":
        "a static buffer of the host's",
    r"\b(umask|chdir|fchdir)\s*\(": "changes the host's process",
    r"^\s*static\s+(?!const\b)(?!inline\b)[\w\s\*]*[\w\*]\s+\**(?<!const )(?<!\w)\w+(\[[^\]]*\])*\s*(=.*|;)$":
        "no state that can change outlives a call, but in a handle",
}
# Room "base" is where these are made safe for the others.
OUTSIDE_BASE = {
    r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup|asprintf|reallocarray)\s*\(":
        "env_alloc, so that the caller's allocator is used, or env_secret_new",
    r"(?<![\w.>])(explicit_bzero|bzero)\s*\(": "env_wipe",
}
# (file, what stands there): why it may
EXCEPT = {
    ("lib/kms/keystore/open.c", "free("): "realpath's result comes from malloc",
}


def rules_for(path):
    rules = dict(EVERYWHERE)
    if path.parts[0] == "lib":
        rules |= LIBRARY
        if path.parts[1] != "base":
            rules |= OUTSIDE_BASE
    return rules


def main():
    findings, checked = [], 0
    for folder in ("lib", "include", "tools", "fuzz", "docs/examples"):
        for path in sources.files(".c", ".h", under=folder):
            checked += 1
            text = sources.code(path)
            for pattern, why in rules_for(path).items():
                for number, line in text:
                    at = re.search(pattern, line)
                    if at and (str(path), at[0].strip()) not in EXCEPT:
                        findings.append(f"{path}:{number}: {at[0].strip()}: {why}")
    sources.report(findings, checked)


if __name__ == "__main__":
    sys.exit(main())
