/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct dr_cli *cli)
{
    printf("usage: %s %s\n\n%s\n", cli->program, cli->verb->usage, cli->verb->help);
    printf("\nglobal options:\n"
           "  --json        one JSON value on standard output; errors as {\"error\": TEXT}\n"
           "  --quiet       no progress bar\n"
           "  --cloud DIR   the cloud's directory (DARUMA_CLOUD, else ./daruma-cloud)\n");
    if (strcmp(cli->verb->noun, "device") == 0) {
        printf("  --dir DIR     where the devices are (DARUMA_DEVICES, else ./devices)\n");
    }
}

/* --name, --name=value: does word name this option? *ret_value is what follows '=', or NULL. */
static bool names(const char *word, const char *name, const char **ret_value)
{
    size_t len = strlen(name);
    if (strncmp(word + 2, name, len) != 0 || (word[2 + len] != '\0' && word[2 + len] != '=')) {
        return false;
    }
    *ret_value = word[2 + len] == '=' ? word + 3 + len : NULL;
    return true;
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || *end != '\0') {
        return false;
    }
    *ret_number = number;
    return true;
}

/* Store one option's value. *index moves past a value that is a word of its own. */
static int
take_value(struct dr_cli *cli, const struct dr_cli_option *option, const char *value, int *index)
{
    if (option->flag != NULL) {
        if (value != NULL) {
            return dr_cli_usage(cli, "--%s takes no value", option->name);
        }
        *option->flag = true;
        return 0;
    }
    if (value == NULL) {
        if (*index + 1 >= cli->argc || strncmp(cli->argv[*index + 1], "--", 2) == 0) {
            return dr_cli_usage(cli, "--%s needs a value", option->name);
        }
        value = cli->argv[++*index];
    }
    if (option->text != NULL) {
        *option->text = value;
        return 0;
    }
    if (!parse_number(value, option->number)) {
        return dr_cli_usage(cli, "--%s needs a number, not \"%s\"", option->name, value);
    }
    return 0;
}

static const struct dr_cli_option *find_option(
    const struct dr_cli_option *options, size_t count, const char *word, const char **ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (names(word, options[i].name, ret_value)) {
            return &options[i];
        }
    }
    return NULL;
}

int dr_cli_parse(
    struct dr_cli *cli, const struct dr_cli_option *options, size_t option_count,
    const char **positional, size_t positional_max, size_t *ret_count)
{
    bool quiet = false;
    const char *cloud_before = cli->cloud_dir;
    bool help = false;
    bool words_only = false;
    size_t count = 0;
    const struct dr_cli_option global[] = {
        {.name = "json", .flag = &cli->json},
        {.name = "quiet", .flag = &quiet},
        {.name = "cloud", .text = &cli->cloud_dir},
        {.name = "help", .flag = &help},
    };
    /* A mistake in front of --json is told as JSON all the same. */
    for (int i = 0; i < cli->argc && strcmp(cli->argv[i], "--") != 0; i++) {
        cli->json = cli->json || strcmp(cli->argv[i], "--json") == 0;
    }
    for (int i = 0; i < cli->argc; i++) {
        const char *word = strcmp(cli->argv[i], "-h") != 0 ? cli->argv[i] : "--help";
        const char *value = NULL;
        if (!words_only && strcmp(word, "--") == 0) {
            words_only = true;
            continue;
        }
        if (words_only || word[0] != '-' || word[1] == '\0') {
            if (count == positional_max) {
                return dr_cli_usage(cli, "one word too many: \"%s\"", word);
            }
            positional[count++] = word;
            continue;
        }
        const struct dr_cli_option *option = find_option(options, option_count, word, &value);
        if (option == NULL) {
            option = find_option(global, sizeof(global) / sizeof(global[0]), word, &value);
        }
        if (option == NULL) {
            return dr_cli_usage(
                cli, "unknown option %s%s", word,
                word[1] != '-' ? " (a word that begins with - stands after --)" : "");
        }
        int result = take_value(cli, option, value, &i);
        if (result != 0) {
            return result;
        }
    }
    if (help) {
        print_help(cli);
        exit(DR_EXIT_DONE);
    }
    if (cli->cloud_dir != cloud_before) {
        cli->cloud_named = true;
    }
    if (quiet || cli->json) {
        cli->progress = false;
    }
    *ret_count = count;
    return 0;
}
