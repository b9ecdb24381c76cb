"""TAP for test programs in Python: run(globals()) calls every function named test_*, in order."""
import os
import sys
import traceback


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def note(text):
    print(f"# {text}", flush=True)


def run(names, after=lambda: None):
    """after() in any case: the process ends here."""
    tests = [f for n, f in names.items() if n.startswith("test_")]
    if len(sys.argv) > 1:
        tests = [f for f in tests if f.__name__[5:] in sys.argv[1:]]
    if not tests:
        print("Bail out! no test ran")
        sys.exit(1)
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            verdict = "ok"
        except Exception:  # a test that broke is one that failed
            verdict = "not ok"
            failed += 1
            for line in traceback.format_exc().splitlines():
                note(line)
        print(f"{verdict} {number} - {test.__name__[5:]}", flush=True)
    after()
    sys.stdout.flush()
    os._exit(1 if failed else 0)
