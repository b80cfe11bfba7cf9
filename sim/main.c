/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* daruma-sim: the torn-flash harness.
 *
 * One device lives through the whole scenario. At each operation that changes something (a program,
 * an erase, a sync, an anchor's persist) the world stops, and for each way this operation could be
 * torn a copy of the device loses its power there, is powered up again and has to complete what was
 * interrupted. Then, segment by segment, each program in turn says ok and is only half done.
 */
#include "base/check.h"
#include "sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sweep {
    const struct dr_sim_world *world;
    struct dr_sim_device *device;
    struct dr_sim_script *script;
    struct dr_sim_device *fork; /* too large for a stack */
    uint64_t seed;
    uint64_t only_operation; /* 0: every one */
    uint32_t only_kind;
    bool verbose;
    bool twice; /* a second cut, somewhere after the first */
    bool stop;  /* at the first case that fails */
    uint64_t operations;
    uint64_t lies;
    uint64_t cases;
    uint64_t failed[DR_SIM_LOST + 1];
};

static const char *const kind_words[] = {"nothing", "prefix", "half", "all-but", "complete", "lie"};
#define KIND_LIE DR_SIM_TORN_KINDS
#define REPORTED_MAX 20u
#define SECOND_CUT_WITHIN 60u

static const char *const verdict_words[] = {"fine", "bricked", "unauthorised", "lost"};

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "daruma-sim: assertion at %s:%d\n", file, line);
    abort();
}

static uint64_t case_seed(const struct sweep *sweep, uint64_t operation, uint32_t kind)
{
    uint64_t state = sweep->seed ^ (operation * 8u + kind);
    return dr_sim_random(&state);
}

static uint64_t bad_cases(const struct sweep *sweep)
{
    return sweep->failed[DR_SIM_BRICKED] + sweep->failed[DR_SIM_UNAUTHORISED] +
           sweep->failed[DR_SIM_LOST];
}

static void print_totals(const struct sweep *sweep)
{
    printf(
        "sim: %llu cases, %llu bricked, %llu unauthorised, %llu lost\n",
        (unsigned long long)sweep->cases, (unsigned long long)sweep->failed[DR_SIM_BRICKED],
        (unsigned long long)sweep->failed[DR_SIM_UNAUTHORISED],
        (unsigned long long)sweep->failed[DR_SIM_LOST]);
}

static void
count(struct sweep *sweep, const struct dr_sim_device *device, uint64_t operation, uint32_t kind)
{
    sweep->cases++;
    if (device->verdict == DR_SIM_FINE) {
        return;
    }
    if (bad_cases(sweep) < REPORTED_MAX) {
        printf(
            "sim: %s: %s (again:%s --seed %llu --case %llu:%s)\n", verdict_words[device->verdict],
            device->why, sweep->twice ? " --twice" : "", (unsigned long long)sweep->seed,
            (unsigned long long)operation, kind_words[kind]);
    }
    sweep->failed[device->verdict]++;
    if (sweep->stop) {
        print_totals(sweep);
        exit(1);
    }
}

static bool wanted(const struct sweep *sweep, uint64_t operation, uint32_t kind)
{
    return sweep->only_operation == 0 ||
           (sweep->only_operation == operation && sweep->only_kind == kind);
}

/* The power fails at this operation: the copy completes its phase, and the one after it. */
static void cut_here(void *context)
{
    struct sweep *sweep = context;
    uint64_t operation = sweep->device->power.operations;
    for (uint32_t kind = 0; kind < DR_SIM_TORN_KINDS; kind++) {
        if (!wanted(sweep, operation, kind)) {
            continue;
        }
        struct dr_sim_script script = *sweep->script;
        dr_sim_device_fork(
            sweep->device, sweep->fork, (enum dr_sim_torn)kind, case_seed(sweep, operation, kind));
        sweep->fork->verbose = sweep->only_operation != 0;
        dr_nor_set_unstable(sweep->fork->nor, (operation + kind) % 2u == 1u);
        dr_sim_say(sweep->fork, "power cut: %s; power-up", kind_words[kind]);
        if (sweep->twice) {
            struct dr_sim_power *power = &sweep->fork->power;
            power->cut_at =
                power->operations + 1u + dr_sim_random(&power->random) % SECOND_CUT_WITHIN;
            power->kind = (enum dr_sim_torn)(dr_sim_random(&power->random) % DR_SIM_TORN_KINDS);
        }
        script.resets = 0;
        DR_IGNORE(dr_sim_run(sweep->fork, &script, script.phase + 2u) ? 0 : 1);
        count(sweep, sweep->fork, operation, kind);
        dr_sim_device_end(sweep->fork);
    }
}

/* From here to the next reset, each program in turn lies. */
static void lie_in_step(struct sweep *sweep)
{
    uint64_t before = sweep->device->power.operations;
    bool more = true;
    for (uint64_t lie = 1; more; lie++) { /* bound: programs of one step */
        struct dr_sim_script script = *sweep->script;
        uint64_t name = before * 1000u + lie;
        if (sweep->only_operation != 0 && !wanted(sweep, name, KIND_LIE)) {
            if (sweep->only_kind != KIND_LIE || name > sweep->only_operation) {
                return;
            }
            continue;
        }
        dr_sim_device_copy(sweep->device, sweep->fork);
        sweep->fork->random = case_seed(sweep, name, KIND_LIE);
        sweep->fork->verbose = sweep->only_operation != 0;
        sweep->fork->programs = 0;
        sweep->fork->lie_at = lie;
        script.resets = 0;
        bool fine = dr_sim_step(sweep->fork, &script);
        more = sweep->fork->lied;
        if (more) {
            fine = fine && dr_sim_run(sweep->fork, &script, script.phase + 1u);
            DR_IGNORE(fine ? 0 : 1);
            sweep->lies++;
            count(sweep, sweep->fork, name, KIND_LIE);
        }
        dr_sim_device_end(sweep->fork);
    }
}

static bool live(struct sweep *sweep)
{
    struct dr_sim_device *device = sweep->device;
    struct dr_sim_script *script = sweep->script;
    size_t phase = 0;
    uint64_t began = 0;
    dr_sim_device_init(device, sweep->world, sweep->seed);
    dr_sim_script_init(script);
    device->verbose = sweep->verbose;
    while (script->phase < dr_sim_phase_count) { /* bound: dr_sim_step's, per phase */
        device->power.hook = NULL;
        lie_in_step(sweep);
        device->power.hook = cut_here;
        device->power.hook_context = sweep;
        if (!dr_sim_step(device, script)) {
            printf("sim: undisturbed run: %s: %s\n", verdict_words[device->verdict], device->why);
            sweep->failed[device->verdict]++;
            return false;
        }
        if (script->phase != phase && sweep->only_operation == 0) {
            printf(
                "sim: %4llu operations  %s\n", (unsigned long long)(script->phase_began - began),
                dr_sim_phases[phase].title);
            fflush(stdout);
            phase = script->phase;
            began = script->phase_began;
        }
    }
    sweep->operations = device->power.operations;
    return true;
}

static void usage(FILE *out)
{
    fputs(
        "usage: daruma-sim [--seed N] [--case OPERATION:KIND] [--twice] [--stop]\n"
        "                  [--verbose]\n"
        "\n"
        "Cuts the power of a simulated device at every flash and anchor operation, in\n"
        "five ways, and makes every flash program lie once. Exits 0 if every device came\n"
        "through.\n"
        "\n"
        "  --seed N     what is random in torn operations (default 1)\n"
        "  --case O:K   replay one case and tell its story; K is nothing, prefix, half,\n"
        "               all-but, complete or lie\n"
        "  --twice      after each cut a second one, at a random operation in a random\n"
        "               way\n"
        "  --stop       end with the first case that fails\n"
        "  --verbose    tell the story of the undisturbed device\n",
        out);
}

static bool parse_case(const char *text, struct sweep *sweep)
{
    char *end = NULL;
    sweep->only_operation = strtoull(text, &end, 10);
    if (end == text || *end != ':') {
        return false;
    }
    for (uint32_t kind = 0; kind <= KIND_LIE; kind++) {
        if (strcmp(end + 1, kind_words[kind]) == 0) {
            sweep->only_kind = kind;
            return sweep->only_operation != 0;
        }
    }
    return false;
}

/* Exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct sweep *sweep)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            sweep->verbose = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            sweep->twice = true;
        } else if (strcmp(argv[i], "--stop") == 0) {
            sweep->stop = true;
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            sweep->seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--case") == 0 && more && parse_case(argv[i + 1], sweep)) {
            i++;
        } else {
            usage(stderr);
            return 64;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static struct dr_sim_world world;
    static struct dr_sim_device device;
    static struct dr_sim_device fork;
    static struct dr_sim_script script;
    struct sweep sweep = {
        .world = &world, .device = &device, .script = &script, .fork = &fork, .seed = 1};
    int status = parse(argc, argv, &sweep);
    if (status >= 0) {
        return status;
    }
    printf("sim: seed %llu", (unsigned long long)sweep.seed);
    if (sweep.only_operation != 0) {
        printf(
            ", case %llu:%s", (unsigned long long)sweep.only_operation,
            kind_words[sweep.only_kind]);
    }
    printf("\n");
    dr_sim_world_init(&world, &dr_crypto_openssl);
    bool whole = live(&sweep);
    dr_sim_device_end(&device);
    if (sweep.only_operation == 0) {
        printf(
            "sim: %llu operations x %u torn kinds + %llu programs x 1 lie = %llu cases\n",
            (unsigned long long)sweep.operations, DR_SIM_TORN_KINDS, (unsigned long long)sweep.lies,
            (unsigned long long)sweep.cases);
    }
    print_totals(&sweep);
    return whole && bad_cases(&sweep) == 0 && sweep.cases > 0 ? 0 : 1;
}
