"""Section 1.2: rules and verdicts."""

E_FORMAT = "E_FORMAT"
E_AUTH = "E_AUTH"
E_NO_KEY = "E_NO_KEY"
E_ROLLBACK = "E_ROLLBACK"
E_UNSUPPORTED = "E_UNSUPPORTED"
E_LIMIT = "E_LIMIT"
E_NOT_FOUND = "E_NOT_FOUND"  # of no rule: what is not there is no bytes that are refused
OK = "OK"


class Reject(Exception):
    """Bytes were refused: by which rule, with which status, why, and which part they are."""

    def __init__(self, rule, status, text, part=""):
        super().__init__(f"{rule} {status}: {text}")
        self.rule = rule
        self.status = status
        self.text = text
        self.part = part

    def at(self, part):
        """The same, said of a part, unless a nearer one was named."""
        self.part = self.part or part
        return self

    def as_dict(self):
        return {"rule": self.rule, "status": self.status, "part": self.part, "text": self.text}


def need(condition, rule, status, text, part=""):
    if not condition:
        raise Reject(rule, status, text, part)
