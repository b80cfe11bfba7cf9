# SPDX-License-Identifier: Apache-2.0 OR MIT
# Language, warnings and options shared by every target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(DR_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
option(DR_COVERAGE "Measure branch coverage with gcov" OFF)
option(DR_FUZZ "Build libFuzzer targets (clang)" OFF)
set(DR_MBEDTLS_DIR ${CMAKE_SOURCE_DIR}/build/third-party/mbedtls CACHE PATH
    "Unpacked Mbed TLS 3.6 source (tools/fetch-sources puts it there)")

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wundef -Wcast-align -Wcast-qual -Wwrite-strings -Wswitch-enum
    -Wformat=2 -Wvla -Werror)
# What DR_CHECK says names a file of the project, not of the machine that built it: images and their sizes
# do not depend on where the tree lies.
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    # Tables of rows leave their last columns zero on purpose; gcc does not warn about that either.
    add_compile_options(-Wno-missing-field-initializers)
endif()
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    add_compile_definitions(_GNU_SOURCE)
    add_compile_options(-fstack-protector-strong)
    add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)
endif()
if(DR_SANITIZE)
    # gcc sees other conversions in instrumented expressions; the plain builds judge those.
    add_compile_options(-fsanitize=${DR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
        -Wno-conversion -Wno-sign-conversion)
    add_link_options(-fsanitize=${DR_SANITIZE})
endif()
if(DR_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(DR_COVERAGE)
    add_compile_options(--coverage -O0)
    add_link_options(--coverage)
endif()
