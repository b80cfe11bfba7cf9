/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* `daruma NOUN VERB …`: a table of verbs and a loop. */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/verbs.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DARUMA_VERSION "0.1.0"

static const struct dr_cli_verb *const verbs[] = {
#define DR_VERB_ROW(name) &dr_verb_##name,
    DR_VERB_LIST(DR_VERB_ROW)
#undef DR_VERB_ROW
};

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "daruma: internal fault at %s:%d; please report it\n", file, line);
    abort();
}

/* The verbs of one noun, or of all (noun NULL), a line each. */
static void list_verbs(FILE *out, const char *noun)
{
    const char *before = verbs[0]->noun;
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (noun != NULL && strcmp(noun, verbs[i]->noun) != 0) {
            continue;
        }
        if (noun == NULL && strcmp(before, verbs[i]->noun) != 0) {
            fputc('\n', out);
        }
        before = verbs[i]->noun;
        char name[64];
        snprintf(name, sizeof(name), "%s %s", verbs[i]->noun, verbs[i]->verb);
        fprintf(out, "  %-18s %s\n", name, verbs[i]->summary);
    }
}

static void print_verbs(FILE *out)
{
    fprintf(
        out, "daruma: over-the-air updates for connected devices\n\n"
             "usage: daruma NOUN VERB [options]\n\n");
    list_verbs(out, NULL);
    fprintf(
        out, "\n`daruma NOUN --help` lists its verbs, `daruma NOUN VERB --help` explains one.\n"
             "Every verb takes --json, --quiet, --cloud DIR and --help, after the verb.\n"
             "The cloud is --cloud DIR, else what AWS_ENDPOINT_URL and its companions name\n"
             "(env.sh sets them), else DARUMA_CLOUD, else ./daruma-cloud.\n"
             "Exit codes: 0 done, 1 error, 2 device failed, 3 aborted, 64 wrong usage,\n"
             "124 time-out; with --json, errors are {\"error\": TEXT} on standard output too.\n");
}

static void print_noun(FILE *out, const char *noun)
{
    fprintf(out, "usage: daruma %s VERB [options]\n\n", noun);
    list_verbs(out, noun);
    fprintf(out, "\n`daruma %s VERB --help` tells more.\n", noun);
}

static const struct dr_cli_verb *find_verb(const char *noun, const char *verb)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i]->noun, noun) == 0 && strcmp(verbs[i]->verb, verb) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

/* Where the running executable is, so that its sister programs are found without installation. */
static const char *own_directory(char *buffer, size_t capacity_bytes)
{
    ssize_t len = readlink("/proc/self/exe", buffer, capacity_bytes - 1);
    if (len <= 0) {
        return ".";
    }
    buffer[len] = '\0';
    return dirname(buffer);
}

static bool noun_known(const char *noun)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i]->noun, noun) == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* verb NULL: none was given. With json the message is on standard output too, as of every verb. */
static int unknown_command(const char *noun, const char *verb, bool json)
{
    char message[256];
    bool known = noun_known(noun);
    if (!known && noun[0] == '-') {
        snprintf(message, sizeof(message), "options follow the verb, unlike %s", noun);
    } else if (!known) {
        snprintf(message, sizeof(message), "no such noun: %s", noun);
    } else if (verb == NULL) {
        snprintf(message, sizeof(message), "%s: which verb?", noun);
    } else {
        snprintf(message, sizeof(message), "%s: no such verb: %s", noun, verb);
    }
    if (json) {
        struct dr_cli cli = {.program = "daruma"};
        (void)dr_cli_print_json(&cli, json_pack("{s:s}", "error", message));
    }
    fprintf(stderr, "daruma%s %s", known ? "" : ":", message);
    fputs(known ? "\n" : "; `daruma help` lists what there is\n", stderr);
    if (known) {
        print_noun(stderr, noun);
    }
    return DR_EXIT_USAGE;
}

static bool wants_json(int argc, char **argv)
{
    bool wants = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        wants = wants || strcmp(argv[i], "--json") == 0;
    }
    return wants;
}

/* `daruma help NOUN [VERB]` is `daruma NOUN VERB --help`, or the noun's verbs. */
static int help_on(int word_count, char **words)
{
    static char option[] = "--help";
    if (word_count == 1 && noun_known(words[0])) {
        print_noun(stdout, words[0]);
        return DR_EXIT_DONE;
    }
    const char *verb_word = word_count > 1 ? words[1] : NULL;
    const struct dr_cli_verb *verb = verb_word != NULL ? find_verb(words[0], verb_word) : NULL;
    if (verb == NULL) {
        return unknown_command(words[0], verb_word, false);
    }
    char *arguments[] = {option};
    struct dr_cli cli = {.program = "daruma", .verb = verb, .argc = 1, .argv = arguments};
    return verb->run(&cli);
}

/* NOUN VERB …; `daruma things` alone is `daruma things list`. */
static int run_verb(struct dr_cli *cli, int argc, char **argv)
{
    const char *word = argc >= 3 && argv[2][0] != '-' ? argv[2] : NULL;
    bool listed = word == NULL && strcmp(argv[1], "things") == 0;
    if (argc >= 3 && asks_for_help(argv[2]) && noun_known(argv[1])) {
        return help_on(1, argv + 1);
    }
    cli->verb = word != NULL || listed ? find_verb(argv[1], listed ? "list" : word) : NULL;
    if (cli->verb == NULL) {
        return unknown_command(argv[1], word, wants_json(argc, argv));
    }
    int words = listed ? 1 : 2;
    cli->argc = argc - 1 - words;
    cli->argv = argv + 1 + words;
    return cli->verb->run(cli);
}

int main(int argc, char **argv)
{
    char directory[4096];
    if (argc < 2) {
        print_verbs(stderr);
        return DR_EXIT_USAGE;
    }
    if (asks_for_help(argv[1])) {
        if (argc == 2) {
            print_verbs(stdout);
            return DR_EXIT_DONE;
        }
        return help_on(argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("daruma " DARUMA_VERSION);
        return DR_EXIT_DONE;
    }
    struct dr_cli cli = {
        .program = "daruma",
        .program_dir = own_directory(directory, sizeof(directory)),
        .cloud_dir = getenv("DARUMA_CLOUD"),
        .progress = isatty(STDERR_FILENO) == 1,
    };
    if (cli.cloud_dir == NULL) {
        cli.cloud_dir = "daruma-cloud";
    }
    int code = run_verb(&cli, argc, argv);
    bool told = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (!told && code == DR_EXIT_DONE) {
        fprintf(stderr, "daruma: the answer cannot be written; is the disk full?\n");
        return DR_EXIT_ERROR;
    }
    return code;
}
