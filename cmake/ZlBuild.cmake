# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Options, compiler flags, dependencies and the helpers that declare targets.

option(ZL_WERROR "Treat compiler warnings as errors, as tests/run does" OFF)
option(ZL_URING "Build the io_uring engine (needs liburing)" ON)
option(ZL_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
set(ZL_SANITIZE "" CACHE STRING
  "Sanitizers for everything, e.g. address,undefined or thread")
# tcmu-runner looks in its own prefix only, whatever ours is: below the
# architecture's folder where there is such a thing, else lib or lib64.
if(CMAKE_LIBRARY_ARCHITECTURE)
  set(libdir lib/${CMAKE_LIBRARY_ARCHITECTURE})
else()
  set(libdir ${CMAKE_INSTALL_LIBDIR})
endif()
set(ZL_HANDLER_DIR /usr/${libdir}/tcmu-runner CACHE PATH
  "Folder that tcmu-runner loads handlers from")
# Debian 12's packages keep it in /lib, which is a link; later ones must not.
set(systemd /usr/lib/systemd)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release bookworm REGEX "^VERSION_CODENAME=bookworm$")
  if(bookworm)
    set(systemd /lib/systemd)
  endif()
endif()
set(ZL_SYSTEMD_DIR ${systemd} CACHE PATH
  "Folder of the system's own systemd units and generators")

set(ZL_PYTHON_DIR "lib/python3/dist-packages" CACHE STRING
  "Folder that Python looks for modules in, below the prefix if not absolute")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Assertions stay on in every build: a state that "cannot be" must stop the
# daemon before it reaches somebody's data.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config}
    "${CMAKE_C_FLAGS_${config}}")
endforeach()

add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64
  ZL_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-missing-field-initializers
  -fno-strict-aliasing)
if(ZL_WERROR)
  add_compile_options(-Werror)
endif()
if(ZL_SANITIZE)
  add_compile_options(-fsanitize=${ZL_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ZL_SANITIZE})
endif()
if(ZL_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "ZL_FUZZ=ON needs clang: set CMAKE_C_COMPILER=clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(JSONC REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(NLGENL REQUIRED IMPORTED_TARGET libnl-3.0 libnl-genl-3.0)
if(ZL_URING)
  pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing>=2.3)
endif()

# zl_library(NAME SOURCES… [LIBS lib…]): one layer of lib/ as a static library.
function(zl_library name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/lib)
  target_link_libraries(${name} PUBLIC ${arg_LIBS})
endfunction()

# zl_unit_test(NAME SOURCES… [LIBS lib…] [TIMEOUT s] [LABELS l…]): a cmocka
# program that ctest runs.
function(zl_unit_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  # For what hangs only: sanitizers are slow, and so are busy disks.
  math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} zl_skip)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()

function(zl_print_summary)
  pkg_check_modules(CAIRO QUIET cairo)
  if(CAIRO_FOUND)
    set(png "yes (when libcairo.so.2 is there)")
  else()
    set(png "no (cairo was not found)")
  endif()
  if(ZL_URING)
    set(uring "yes, ${URING_VERSION}")
  else()
    set(uring "no (threads only)")
  endif()
  if(ZL_SANITIZE)
    set(sanitize ${ZL_SANITIZE})
  else()
    set(sanitize none)
  endif()
  message(STATUS "zloop for SCSI ${PROJECT_VERSION}")
  message(STATUS "  compiler        ${CMAKE_C_COMPILER_ID} "
    "${CMAKE_C_COMPILER_VERSION}, ${CMAKE_BUILD_TYPE}")
  message(STATUS "  io_uring        ${uring}")
  message(STATUS "  json-c          ${JSONC_VERSION}")
  message(STATUS "  PNG pictures    ${png}")
  message(STATUS "  sanitizers      ${sanitize}")
  message(STATUS "  fuzzers         ${ZL_FUZZ}")
  message(STATUS "  tests           ${BUILD_TESTING}")
  message(STATUS "  handler goes to ${ZL_HANDLER_DIR}")
endfunction()
