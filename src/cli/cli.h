/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The frame of the `daruma` command: verbs, options, output, errors.
 *
 * A verb is one file, cmd_<noun>_<verb>.c, that exports one `const struct dr_cli_verb
 * dr_verb_<noun>_<verb>`; main.c lists them in a table. A verb parses its options with
 * dr_cli_parse, prints results on standard output (as one JSON value with --json), progress and
 * errors on standard error, and returns one of the exit codes below.
 */
#ifndef DR_CLI_CLI_H
#define DR_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes, the same for every verb; `daruma help` prints them. */
enum dr_cli_exit {
    DR_EXIT_DONE = 0,
    DR_EXIT_ERROR = 1,         /* could not do it; standard error says why and what to do next */
    DR_EXIT_DEVICE_FAILED = 2, /* --wait: the device reported failure */
    DR_EXIT_ABORTED = 3,       /* --wait: the update was canceled or removed */
    DR_EXIT_USAGE = 64,        /* the command line itself is wrong */
    DR_EXIT_TIMEOUT = 124,     /* --wait: no end in time */
};

struct dr_cli {
    const char *program; /* "daruma" */
    const char
        *program_dir; /* where this executable is; its sister programs are looked for here first */
    const char *cloud_dir; /* --cloud, else DARUMA_CLOUD, else "daruma-cloud" */
    bool cloud_named; /* --cloud (or --dir of the cloud verbs) was given: it wins over AWS_… */
    int argc;         /* what follows the noun and the verb */
    char **argv;
    bool json;                      /* --json */
    bool progress;                  /* standard error is a terminal and --quiet was not given */
    const struct dr_cli_verb *verb; /* the one running */
};

struct dr_cli_verb {
    const char *noun;
    const char *verb;
    const char *summary; /* for the list of verbs: at most 59 columns */
    const char *usage;   /* "image sign --key FILE [options] IN OUT": at most 66 columns */
    const char *help;    /* the rest of --help: options, units, examples, exit codes that matter;
                          * lines of at most 80 columns */
    int (*run)(struct dr_cli *cli);
};

/* One option of a verb. Exactly one of text, number and flag is set. Long names without the dashes.
 */
struct dr_cli_option {
    const char *name;
    const char **text; /* set to the value; borrowed from argv */
    uint64_t *number;  /* decimal or 0x…; anything else is a usage error */
    bool *flag;        /* set to true */
};

/* Parse cli->argv: options anywhere, `--name value` or `--name=value`, `--` ends options. The
 * global options --json,
 * --quiet, --cloud DIR and --help are understood by every verb and handled here (--help prints and
 * exits 0). positional receives up to positional_max other words, *ret_count says how many. Returns
 * 0, or DR_EXIT_USAGE after having printed the mistake in one line. */
int dr_cli_parse(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **positional, size_t positional_max, size_t *ret_count);

/* Print one error line on standard error: "daruma <noun> <verb>: <message>". The message says what
 * is wrong and what to do next. With --json the same as {"error": message} on standard output.
 * Returns DR_EXIT_ERROR. */
int dr_cli_error(struct dr_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a wrong command line; adds the usage line. Returns DR_EXIT_USAGE. */
int dr_cli_usage(struct dr_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print value as JSON on standard output (takes the reference). Returns DR_EXIT_DONE, or an error.
 */
int dr_cli_print_json(struct dr_cli *cli, json_t *value);

/* Have no text in value steer a terminal: blanks for line ends and tabs, "?" for other control
 * characters (C0, DEL and C1). For what is shown: a PEM text, say, is spoilt. */
void dr_cli_tame(json_t *value);

/* Print an object as aligned lines, "name value", with names like "counters.security" for what is
 * in objects and "notes.1.reason" for what is in arrays; times since 1970 (…At) as UTC and how long
 * ago, durations (…_ms, uptime) in words. For people: the form may
 * change, --json does not. */
void dr_cli_print_lines(const json_t *object);

/* The same with names in words, "counters security". */
void dr_cli_print_words(const json_t *object);

/* A bar on standard error while bytes or blocks move; nothing unless cli->progress. done == total
 * ends the line. */
void dr_cli_progress(struct dr_cli *cli, const char *label, uint64_t done, uint64_t total);

/* End a bar that did not reach its total, so that what follows starts on a new line. */
void dr_cli_progress_end(struct dr_cli *cli);

/* Path of a sister program (e.g. "darumad", "daruma-gate.so"): beside this executable, else in
 * PATH, else "" . Valid until the next call. */
const char *dr_cli_sister(struct dr_cli *cli, const char *name);

/* Read a whole file (at most max_bytes) into a malloc'ed buffer with a final NUL that is not
 * counted. NULL after an error line was printed. */
uint8_t *
dr_cli_read_file(struct dr_cli *cli, const char *path, size_t max_bytes, size_t *ret_size_bytes);

/* Write a file through a temporary one and a rename. mode e.g. 0644, 0600 for secrets. 0, or
 * DR_EXIT_ERROR after an error line was printed. */
int dr_cli_write_file(
    struct dr_cli *cli, const char *path, const uint8_t *data, size_t size_bytes, unsigned mode);

#endif
