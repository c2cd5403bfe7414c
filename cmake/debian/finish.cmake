# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Run by cpack before it packs: each package gets its copyright file and its
# changelog, and what Debian wants compressed is. Same input, same bytes.

file(STRINGS ${CPACK_ZL_DEBIAN}/changelog first LIMIT_COUNT 1)
set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
if(NOT first MATCHES "^zloop-scsi \\(${version}\\) ")
  message(FATAL_ERROR "changelog begins with '${first}', not ${version}")
endif()

function(compress file)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  set(name ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
  set(doc ${root}/usr/share/doc/${name})

  file(GLOB pages ${root}/usr/share/man/man*/*.[1-8])
  foreach(page ${pages})
    compress(${page})
  endforeach()

  file(COPY ${CPACK_ZL_DEBIAN}/copyright DESTINATION ${doc})
  set(ZL_PACKAGE_MAINTAINER "${CPACK_ZL_MAINTAINER}")
  configure_file(${CPACK_ZL_DEBIAN}/changelog ${doc}/changelog.Debian @ONLY)
  compress(${doc}/changelog.Debian)

  if(EXISTS ${CPACK_ZL_DEBIAN}/${name}.lintian-overrides)
    file(INSTALL ${CPACK_ZL_DEBIAN}/${name}.lintian-overrides
      DESTINATION ${root}/usr/share/lintian/overrides RENAME ${name})
  endif()
  execute_process(COMMAND chmod -R u=rwX,go=rX ${root}
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
