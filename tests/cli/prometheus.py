#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Reads Prometheus' text format 0.0.4 from standard input and is strict; and
has Prometheus' own library for Python read it, where that is installed."""
import re
import sys

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r'(%s)(?:\{((?:%s)(?:,%s)*)\})? (\S+)$'
                    % (NAME, LABEL, LABEL))


def fail(number, why):
    sys.exit('line %d: %s' % (number, why))


def belongs(sample, metric, kind):
    parts = ['_bucket', '_sum', '_count'] if kind == 'histogram' else ['']
    return sample in [metric + part for part in parts]


def check_histograms(samples):
    series = {}
    for number, name, labels, value in samples:
        rest = tuple(pair for pair in labels if pair[0] != 'le')
        entry = series.setdefault(rest, {'buckets': []})
        if name.endswith('_bucket'):
            le = dict(labels).get('le') or fail(number, 'a bucket without le')
            entry['buckets'].append((float(le), value))
        else:
            entry[name.rsplit('_', 1)[1]] = value
    for entry in series.values():
        buckets = entry['buckets']
        if buckets != sorted(buckets) or \
                len({le for le, _ in buckets}) != len(buckets):
            fail(0, 'buckets are not in order: %r' % buckets)
        if [n for _, n in buckets] != sorted(n for _, n in buckets):
            fail(0, 'buckets are no sums: %r' % buckets)
        if buckets[-1][0] != float('inf') or \
                buckets[-1][1] != entry['count'] or 'sum' not in entry:
            fail(0, 'the histogram is not complete: %r' % entry)


def main():
    text = sys.stdin.read()
    if not text.endswith('\n'):
        fail(0, 'the last line does not end')
    seen, keys, helped, metric, kind, samples = set(), set(), None, None, None, []
    for number, line in enumerate(text[:-1].split('\n'), 1):
        part = line.split(' ', 3)
        if line.startswith('# HELP '):
            if kind == 'histogram':
                check_histograms(samples)
            helped, metric, kind, samples = part[2], None, None, []
            if helped in seen or not re.fullmatch(NAME, helped):
                fail(number, 'HELP of %s again, or no name' % helped)
            seen.add(helped)
        elif line.startswith('# TYPE '):
            metric, kind = part[2], part[3]
            if metric != helped:
                fail(number, 'TYPE of another metric than HELP')
            if kind not in ('counter', 'gauge', 'histogram'):
                fail(number, 'unknown type %s' % kind)
            if (kind == 'counter') != metric.endswith('_total'):
                fail(number, '%s is a %s' % (metric, kind))
        else:
            match = SAMPLE.match(line) or fail(number, 'no sample: ' + line)
            name, labels, value = match.groups()
            pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', labels)
            key = (name, tuple(sorted(pairs)))
            if not belongs(name, metric, kind):
                fail(number, '%s belongs to no TYPE before it' % name)
            if key in keys or len(dict(pairs)) != len(pairs):
                fail(number, 'the same again')
            keys.add(key)
            samples.append((number, name, pairs, float(value)))
    if kind == 'histogram':
        check_histograms(samples)
    print(len(seen), 'metrics,', len(keys), 'samples')
    if text_string_to_metric_families:
        check_as_others_read_it(text, keys)
    else:
        print('skipped: python3-prometheus-client is not installed; '
              'targetcli-config/deps test does it')


def check_as_others_read_it(text, keys):
    read = set()
    for family in text_string_to_metric_families(text):
        if family.type == 'unknown' or not family.documentation:
            fail(0, '%s has no type or help to others' % family.name)
        for sample in family.samples:
            labels = tuple(sorted((name, re.sub(r'["\\]', r'\\\g<0>', value))
                                  for name, value in sample.labels.items()))
            read.add((sample.name, labels))
    if read != keys:
        fail(0, 'others read something else: %r' % sorted(read ^ keys)[:4])


main()
