"""The years of reigns and periods by which Japan, China and Korea date works.

In: nothing. Out: names as they are compared (small letters, no accents) and the years they count.
"""

from __future__ import annotations

# name -> first and last year; 'Meiji 1' is 1868
_JAPAN = """
keicho 慶長 1596 1615|genna 元和 1615 1624|kan'ei 寛永 1624 1644|shoho 正保 1644 1648
keian 慶安 1648 1652|joo 承応 1652 1655|meireki 明暦 1655 1658|manji 万治 1658 1661
kanbun 寛文 1661 1673|enpo 延宝 1673 1681|tenna 天和 1681 1684|jokyo 貞享 1684 1688
genroku 元禄 1688 1704|hoei 宝永 1704 1711|shotoku 正徳 1711 1716|kyoho 享保 1716 1736
genbun 元文 1736 1741|kanpo 寛保 1741 1744|enkyo 延享 1744 1748|kan'en 寛延 1748 1751
horeki 宝暦 1751 1764|meiwa 明和 1764 1772|an'ei 安永 1772 1781|tenmei 天明 1781 1789
kansei 寛政 1789 1801|kyowa 享和 1801 1804|bunka 文化 1804 1818|bunsei 文政 1818 1830
tenpo 天保 1830 1844|koka 弘化 1844 1848|kaei 嘉永 1848 1854|ansei 安政 1854 1860
man'en 万延 1860 1861|bunkyu 文久 1861 1864|genji 元治 1864 1865|keio 慶応 1865 1868
meiji 明治 1868 1912|taisho 大正 1912 1926|showa 昭和 1926 1989|heisei 平成 1989 2019
reiwa 令和 2019 2099
"""
_CHINA = """
hongwu 洪武 1368 1398|yongle 永樂 1403 1424|xuande 宣德 1426 1435|chenghua 成化 1465 1487
hongzhi 弘治 1488 1505|zhengde 正德 1506 1521|jiajing 嘉靖 1522 1566|wanli 萬曆 1573 1620
chongzhen 崇禎 1628 1644|shunzhi 順治 1644 1661|kangxi 康熙 1662 1722|yongzheng 雍正 1723 1735
qianlong 乾隆 1736 1796|jiaqing 嘉慶 1796 1820|daoguang 道光 1821 1850|xianfeng 咸豐 1851 1861
tongzhi 同治 1862 1874|guangxu 光緒 1875 1908|xuantong 宣統 1909 1911|minguo 民國 1912 2099
"""
_VARIANTS = {
    "tempo": "tenpo",
    "kanei": "kan'ei",
    "ansai": "ansei",
    "houreki": "horeki",
    "shouwa": "showa",
    "taishou": "taisho",
    "萬延": "万延",
    "寶曆": "宝暦",
    "光绪": "光緒",
    "万历": "萬曆",
    "民国": "民國",
    "咸丰": "咸豐",
    "宣统": "宣統",
    "嘉庆": "嘉慶",
    "永乐": "永樂",
    "顺治": "順治",
}


def _table(text: str) -> dict[str, tuple[int, int]]:
    years = {}
    for entry in text.replace("\n", "|").split("|"):
        if entry.strip():
            latin, letters, first, last = entry.split()
            years[latin] = years[letters] = (int(first), int(last))
    return years


REIGNS = _table(_JAPAN) | _table(_CHINA)
REIGNS |= {variant: REIGNS[name] for variant, name in _VARIANTS.items()}
PERIODS = {name: span for name, span in REIGNS.items() if span[1] < 2099} | {
    "asuka": (538, 710),
    "nara": (710, 794),
    "heian": (794, 1185),
    "kamakura": (1185, 1333),
    "nanbokucho": (1336, 1392),
    "muromachi": (1336, 1573),
    "momoyama": (1573, 1615),
    "edo": (1603, 1868),
    "tokugawa": (1603, 1868),
    "tang": (618, 907),
    "northern song": (960, 1127),
    "southern song": (1127, 1279),
    "song": (960, 1279),
    "yuan": (1271, 1368),
    "ming": (1368, 1644),
    "qing": (1644, 1912),
    "ch'ing": (1644, 1912),
    "joseon": (1392, 1910),
    "choson": (1392, 1910),
    "goryeo": (918, 1392),
    "江戸": (1603, 1868),
    "江戶": (1603, 1868),
    "平安": (794, 1185),
    "鎌倉": (1185, 1333),
    "室町": (1336, 1573),
    "桃山": (1573, 1615),
    "奈良": (710, 794),
    "唐": (618, 907),
    "宋": (960, 1279),
    "元": (1271, 1368),
    "明": (1368, 1644),
    "清": (1644, 1912),
    "朝鮮": (1392, 1910),
}
