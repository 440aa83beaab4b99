#ifndef COLDCHAIN_CEXPAT_SHIM_H
#define COLDCHAIN_CEXPAT_SHIM_H

#include <expat.h>

#endif
