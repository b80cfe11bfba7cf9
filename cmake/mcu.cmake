# SPDX-License-Identifier: Apache-2.0 OR MIT
# The device rooms for Cortex-M3: proof that they need no heap and no system, and what they cost.
add_compile_options(-fstack-usage -Wstack-usage=2048)

foreach(line ${DR_LAYER_LINES})
    string(REGEX REPLACE " .*" "" room "${line}")
    if(room MATCHES "^(base|format|crypto|device/.*)$")
        dr_room_sources(${room} sources)
        if(room STREQUAL "crypto")
            list(FILTER sources EXCLUDE REGEX "/(psa|openssl|[a-z_]*_openssl)\\.c$")
        endif()
        if(room STREQUAL "crypto" AND NOT EXISTS ${DR_MBEDTLS_DIR}/library/sha256.c)
            list(FILTER sources EXCLUDE REGEX "/rom\\.c$")
        endif()
        dr_add_room(${room} SOURCES ${sources})
    endif()
endforeach()
if(EXISTS ${DR_MBEDTLS_DIR}/library/sha256.c)
    target_include_directories(dr_crypto SYSTEM PRIVATE
        ${DR_MBEDTLS_DIR}/include ${DR_MBEDTLS_DIR}/library ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m)
    target_compile_definitions(dr_crypto PRIVATE MBEDTLS_CONFIG_FILE="crypto/rom_config.h")
endif()
