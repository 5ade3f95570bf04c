public import CairnKV
