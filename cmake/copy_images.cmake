# SPDX-License-Identifier: Apache-2.0 OR MIT
# Script: copy FROM/*.bin into TO, only what changed.
file(GLOB images ${FROM}/*.bin)
file(MAKE_DIRECTORY ${TO})
foreach(image ${images})
    get_filename_component(name ${image} NAME)
    configure_file(${image} ${TO}/${name} COPYONLY)
endforeach()
