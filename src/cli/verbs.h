/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Every verb, in the order in which `daruma help` lists them. */
#ifndef DR_CLI_VERBS_H
#define DR_CLI_VERBS_H

#include "cli/cli.h"

#define DR_VERB_LIST(X)                                                                            \
    X(cloud_up)                                                                                    \
    X(cloud_down)                                                                                  \
    X(cloud_status)                                                                                \
    X(device_create)                                                                               \
    X(device_list)                                                                                 \
    X(device_run)                                                                                  \
    X(device_show)                                                                                 \
    X(device_power)                                                                                \
    X(device_power_cut)                                                                            \
    X(device_press)                                                                                \
    X(device_input)                                                                                \
    X(device_leds)                                                                                 \
    X(device_net)                                                                                  \
    X(device_network)                                                                              \
    X(device_delete)                                                                               \
    X(key_new)                                                                                     \
    X(key_give)                                                                                    \
    X(image_sign)                                                                                  \
    X(image_verify)                                                                                \
    X(image_inspect)                                                                               \
    X(update_create)                                                                               \
    X(update_watch)                                                                                \
    X(update_cancel)                                                                               \
    X(update_revert)                                                                               \
    X(update_list)                                                                                 \
    X(things_list)                                                                                 \
    X(things_show)                                                                                 \
    X(things_delete)

#define DR_VERB_DECLARE(name) extern const struct dr_cli_verb dr_verb_##name;
DR_VERB_LIST(DR_VERB_DECLARE)
#undef DR_VERB_DECLARE

#endif
