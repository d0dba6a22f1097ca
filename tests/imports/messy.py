"""A workbook as schools send them: every quirk in one file, so that tests can say what became of each cell."""

import io
from datetime import UTC, datetime, time

import xlsxwriter

SPRING = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)


def messy_workbook() -> bytes:
    """Build the workbook; the row numbers in the comments are those a spreadsheet shows."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    dates = book.add_format({"num_format": "m-d"})
    clock = book.add_format({"num_format": "hh:mm"})

    rooms = book.add_worksheet("Sheet1")
    rooms.merge_range("A1:J1", "明德中学房间一览表（2026年春）")
    rooms.write("A3", "填表人：王老师")
    rooms.write_row(
        "A4",
        [
            "楼号",
            "楼层",
            "房 号",
            "房间名称",
            "用途",
            "空调数量(台)",
            "单台功率",
            "灯数（盏）",
            "序号",
            "备注",
        ],
    )
    rooms.merge_range("A5:A8", "明德 楼")
    rooms.write_row("B5", ["一层", "Ａ１０１", "七年级１班", "教室", "2台", "3.5kW", "12盏", 1, "靠窗\n漏风"])
    rooms.write_row("B6", ["1F", "A 102", "七年级2班", "教室", "两台", "3500W", "１２", 2, "—"])
    rooms.write_row("B7", ["2楼", "A201", "七年级3班", "教室", 2, 3500, "十二盏", 3])
    rooms.write_row("B8", ["负一层", "A-B01", "水泵房", "设备用房", "无", None, 6, 4])
    rooms.write_row("A10", ["明德楼小计"])
    rooms.write_formula("F10", "=SUM(F5:F8)", value="")
    rooms.write_row("A11", ["致远楼", "三层", "B301", None, "办公室"])
    rooms.write_formula("F11", "=1+1", value=2)
    rooms.write_row("A12", ["致远楼", 3, "B302", "语文组", "办公室", 1, "2.6kW"])
    rooms.write_formula("H12", "=F12*6", value="")
    rooms.write_row("A13", ["致远楼 ", "3层", "b３０１", "重复", "办公室", 1])
    rooms.write_row("A14", ["致远楼", 3, "B303", "数学组", "办公室", "约2台"])
    rooms.write_row("A15", ["致远楼", "夹层", "B304", "杂物间", "库房", 0, 0, -1])
    rooms.write_row(
        "A16",
        [
            "楼号",
            "楼层",
            "房 号",
            "房间名称",
            "用途",
            "空调数量(台)",
            "单台功率",
            "灯数（盏）",
            "序号",
            "备注",
        ],
    )
    rooms.write_row("A17", ["致远楼", 3])
    rooms.write_formula("C17", "=#REF!", value="#REF!")
    rooms.write_row("B18", [3, "B305", "没有楼名"])
    rooms.write_row("A19", ["致远楼", 3, "B306", "功率不明", "教室", 1, 50])
    rooms.merge_range("F20:F21", "4台")
    rooms.write_row("A20", ["致远楼", 4, "B401", "实验一", "实验室"])
    rooms.write_row("A21", ["致远楼", 4, "B402", "实验二", "实验室"])
    rooms.write_row("A22", ["致远楼", 4])
    rooms.write_datetime("C22", SPRING, dates)
    rooms.write_row("A23", ["合 计", None, None, None, None, 99])
    rooms.merge_range("A24:J24", "以上数据由总务处提供，如有出入以现场为准")

    hidden = book.add_worksheet("旧表")
    hidden.write_row("A1", ["楼号", "楼层", "房号", "空调数量"])
    hidden.write_row("A2", ["明德楼", 1, "A999", 1])
    hidden.hide()

    about = book.add_worksheet("填写说明")
    about.write_row("A1", ["请按模板填写", "不要改表头"])

    taps = book.add_worksheet("water")
    taps.write_row("A1", ["Building", "Floor", "Tap No.", "Name", "Taps", "Hot water", "Valve location"])
    taps.write_row("A2", ["明德楼", "F1", "A1-水东", "一楼东侧洗手台", "６个", "是", "1楼东侧管井"])
    taps.write_row("A3", ["明德楼", "B1", "A0-水1", "地下水池", 2, "×", None])
    taps.write_row("A4", ["明德楼", 1, "A1–水东", "同一个", 6, "√", None])
    taps.write_row("A5", ["明德楼", 1, "A1-水西", "冬季有热水", 6, "冬季", None])
    taps.write_row("A6", ["明德楼", 1, "A101", "与教室同号", 1, "否", None])
    taps.write_row("A7", ["Total", None, None, None, 21])

    routes = book.add_worksheet("3")
    routes.write_row("A2", ["路线名称", "开始", "时限", "星期", "巡查范围", "检查项目"])
    routes.write_row(
        "A3", ["教学楼夜巡", "晚上11点半", "1.5小时", "周一至周五", "致远楼、明德楼", "空调、电灯、门窗"]
    )
    routes.write_row("A4", ["用水巡查", "16：30", "90分钟", "1,3,5", "全部用水点", "漏水;热水"])
    routes.write_row("A5", ["一楼快巡", None, "半小时", "每天", "明德楼1楼；b301", "安全隐患"])
    routes.write_datetime("B5", time(22, 5), clock)
    routes.write_row("A6", ["操场", "20:00", 45, "六日", "操场", "安全隐患"])
    routes.write_row("A7", ["电梯", "20:00", 45, "单周", "明德楼", "电梯"])
    routes.write_row("A8", ["空楼", "20:00", 1, "周末", "致远楼", "漏水"])
    routes.write_row("A9", ["空楼二", "20:00", 60, "周末", "致远楼", "漏水"])
    routes.write_row("A10", ["用水巡查", "20:00", 60, "周末", "全部用水点", "漏水"])
    book.close()
    return target.getvalue()


def workbook(*sheets: list[list[object]], **named: list[list[object]]) -> bytes:
    """Build a plain workbook, each sheet from its rows."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    for name, rows in {**{f"Sheet{number}": rows for number, rows in enumerate(sheets, 1)}, **named}.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def room_rows(number: int) -> list[list[object]]:
    """Make the rows of a room sheet with so many rooms in buildings of a hundred."""
    header: list[object] = ["楼栋", "楼层", "房号", "名称", "类型", "空调台数", "单台功率(kW)", "灯数"]
    return [
        header,
        *(
            [
                f"{index // 100 + 1}号楼",
                index % 100 // 20 + 1,
                f"R{index}",
                f"教室{index}",
                "教室",
                2,
                3.5,
                12,
            ]
            for index in range(number)
        ),
    ]
