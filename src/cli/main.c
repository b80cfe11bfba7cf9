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

static void print_verbs(FILE *out)
{
    fprintf(
        out, "daruma: over-the-air updates for connected devices\n\n"
             "usage: daruma NOUN VERB [options]\n\n");
    const char *noun = "";
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (strcmp(noun, verbs[i]->noun) != 0 && i > 0) {
            fputc('\n', out);
        }
        noun = verbs[i]->noun;
        char name[64];
        snprintf(name, sizeof(name), "%s %s", verbs[i]->noun, verbs[i]->verb);
        fprintf(out, "  %-22s %s\n", name, verbs[i]->summary);
    }
    fprintf(
        out,
        "\nEvery verb takes --json, --quiet, --cloud DIR and --help.\n"
        "The cloud is --cloud DIR, else what AWS_ENDPOINT_URL and its companions name (env.sh "
        "sets\n"
        "them), else DARUMA_CLOUD, else ./daruma-cloud.\n"
        "Exit codes: 0 done, 1 error, 2 device failed, 3 aborted, 64 wrong usage, 124 time-out.\n");
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

static int unknown_command(int argc, char **argv)
{
    bool noun_known = false;
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i]->noun, argv[1]) == 0) {
            noun_known = true;
        }
    }
    if (!noun_known) {
        fprintf(stderr, "daruma: no such noun: %s; `daruma help` lists what there is\n", argv[1]);
        return DR_EXIT_USAGE;
    }
    fprintf(
        stderr, argc < 3 ? "daruma %s: which verb?%s\n" : "daruma %s: no such verb: %s\n", argv[1],
        argc < 3 ? "" : argv[2]);
    for (size_t i = 0; i < DR_ARRAY_COUNT(verbs); i++) {
        if (strcmp(verbs[i]->noun, argv[1]) == 0) {
            fprintf(stderr, "  daruma %s\n", verbs[i]->usage);
        }
    }
    return DR_EXIT_USAGE;
}

/* `daruma help NOUN [VERB]` is `daruma NOUN VERB --help`, or the noun's verbs. */
static int help_on(int word_count, char **words)
{
    static char option[] = "--help";
    const struct dr_cli_verb *verb = find_verb(words[0], word_count > 1 ? words[1] : "");
    if (verb == NULL) {
        char *command[] = {words[0], words[0], word_count > 1 ? words[1] : NULL};
        return unknown_command(word_count > 1 ? 3 : 2, command);
    }
    char *arguments[] = {option};
    struct dr_cli cli = {.program = "daruma", .verb = verb, .argc = 1, .argv = arguments};
    return verb->run(&cli);
}

int main(int argc, char **argv)
{
    char directory[4096];
    if (argc < 2) {
        print_verbs(stderr);
        return DR_EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
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
    /* `daruma things` is `daruma things list`. */
    int words = argc >= 3 && argv[2][0] != '-' ? 2 : 1;
    cli.verb = find_verb(argv[1], words == 2 ? argv[2] : "list");
    if (cli.verb == NULL) {
        return unknown_command(argc, argv);
    }
    cli.argc = argc - 1 - words;
    cli.argv = argv + 1 + words;
    return cli.verb->run(&cli);
}
