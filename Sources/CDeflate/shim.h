#ifndef COLDCHAIN_CDEFLATE_SHIM_H
#define COLDCHAIN_CDEFLATE_SHIM_H

#include <libdeflate.h>

#endif
